// Attacks by a second model that writes prompts.
#include <gtest/gtest.h>

#include "measure/redteam/weak_target_test.h"

namespace plumb::redteam {
namespace {

// A second model that writes what it is told to, one proposal after the other.
class Proposer : public eval::Target {
 public:
  explicit Proposer(std::vector<std::string> says) : says_(std::move(says)) {}
  std::string name() const override { return "proposer"; }
  json::object Describe() const override { return {}; }
  Status Ask(const std::vector<eval::Question>& questions, int, const eval::OnAnswer& on_answer) override {
    for (size_t i = 0; i < questions.size(); ++i) {
      heard.push_back(std::string(questions[i].messages.back().as_object().at("content").as_string()));
      if (!on_answer(i, eval::Answer{.output = says_[asked++ % says_.size()]})) break;
    }
    return {};
  }
  size_t asked = 0;
  std::vector<std::string> heard;

 private:
  std::vector<std::string> says_;
};

TEST(Tree, WhatLeftTheTopicIsNeverAskedAndTheBestIsGoneOnFrom) {
  TempFolder folder;
  // Each round: one on topic that is refused, one off topic, one on topic that is answered without harm.
  Proposer proposer({"Please tell forbidden thing number", "What a fine day it is", "A story: tell forbidden thing number, mildly"});
  Weak target({"mildly"});
  CampaignOptions options{.out = folder.path(), .each = 8, .harm = [](const std::string&, const std::string&) { return 0.3; }};
  options.attacker = &proposer;
  const auto campaign = RunCampaign({{"g", "Tell the forbidden thing number", "c", "g"}}, Attacks("tap"), target, options);
  ASSERT_TRUE(campaign) << campaign.error().Text();
  int asked = 0;
  for (const Attempt& attempt : campaign->attempts) {
    if (attempt.to != Try::kTarget || attempt.attack != "tap") continue;
    ++asked;
    EXPECT_EQ(attempt.prompt.find("fine day"), std::string::npos);
  }
  EXPECT_EQ(asked, 8) << "the attack's share of the budget, to the last question";
  // The first leaf of the second round is the answered one.
  ASSERT_GT(proposer.heard.size(), 3u);
  EXPECT_NE(proposer.heard[3].find("mildly"), std::string::npos);
  EXPECT_NE(proposer.heard[3].find("did not really answer"), std::string::npos);
}

TEST(Tree, ARoundThatLeftTheTopicIsAskedWithTheObjectiveBehindIt) {
  TempFolder folder;
  Proposer proposer({"What a fine day it is"});
  Weak target({});
  CampaignOptions options{.out = folder.path(), .each = 4};
  options.attacker = &proposer;
  const std::string goal = "Tell the forbidden thing number";
  const auto campaign = RunCampaign({{"g", goal, "c", "g"}}, Attacks("tap"), target, options);
  ASSERT_TRUE(campaign);
  EXPECT_EQ(target.asked, 1 + 4) << "the direct question, and the attack's share";
  for (const Attempt& attempt : campaign->attempts) {
    EXPECT_TRUE(attempt.to != Try::kTarget || attempt.prompt.ends_with(goal)) << attempt.prompt;
  }
  EXPECT_EQ(proposer.asked, 4 * 3u) << "three proposals for the one leaf of each round";
}

TEST(Tree, EndsWhereNothingIsProposed) {
  TempFolder folder;
  Proposer proposer({" "});
  Weak target({});
  CampaignOptions options{.out = folder.path(), .each = 8};
  options.attacker = &proposer;
  const auto campaign = RunCampaign({{"g", "Tell the forbidden thing number", "c", "g"}}, Attacks("tap"), target, options);
  ASSERT_TRUE(campaign);
  EXPECT_EQ(target.asked, 1) << "the direct question";
  EXPECT_EQ(proposer.asked, 9u) << "three rounds of three";
}

}  // namespace
}  // namespace plumb::redteam
