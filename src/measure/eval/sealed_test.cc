#include "measure/eval/sealed.h"

#include <gtest/gtest.h>

#include <set>

namespace plumb::eval {
namespace {

const SuiteKeys kKeys = {std::string(32, 'o'), std::string(32, 's')};

data::Suite SuiteOfPairs(int pairs) {
  data::Suite suite;
  suite.name = "made";
  for (int i = 0; i < pairs * 2; ++i) {
    const json::object row{{"id", fmt::format("c{}", i)}, {"prompt", fmt::format("What would you say to question number {} of this made suite?", i)},
                           {"expect", i % 2 ? "comply" : "refuse"}, {"group", fmt::format("g{}", i / 2)}};
    suite.cases.push_back(data::ParseCase(row, "made").value());
  }
  return suite;
}

SealRules Rules() { return {.name = "release", .canary = "plumbline-canary 00", .never_send = {"openai:*"}, .openings = 3}; }

std::string Sealed() { return SealSuite(SuiteOfPairs(40), Rules(), kKeys).value(); }

TEST(SealSuite, BothHalvesComeBackAndShareNoGroup) {
  const auto sealed = ParseSealed(Sealed(), "f");
  ASSERT_TRUE(sealed) << sealed.error().Text();
  const auto open = OpenHalf(*sealed, Half::kOpen, kKeys.open), shut = OpenHalf(*sealed, Half::kSealed, kKeys.sealed);
  ASSERT_TRUE(open && shut);
  EXPECT_EQ(open->cases.size() + shut->cases.size(), 80u);
  EXPECT_GT(open->cases.size(), 20u);
  EXPECT_GT(shut->cases.size(), 20u);
  std::set<std::string> groups;
  for (const data::Case& one : open->cases) groups.insert(one.group);
  for (const data::Case& one : shut->cases) {
    EXPECT_FALSE(groups.contains(one.group)) << one.group;
    EXPECT_EQ(one.canary, "plumbline-canary 00");
  }
  EXPECT_EQ(open->name, "release");
  EXPECT_EQ(shut->name, "release-sealed");
}

TEST(SealSuite, NothingOfTheCasesIsInTheFile) {
  const std::string text = Sealed();
  EXPECT_EQ(text.find("question"), std::string::npos);
  EXPECT_EQ(text.find("c17"), std::string::npos);
  EXPECT_NE(text.find("plumbline-canary"), std::string::npos) << "the canary is public: whoever finds it knows what it means";
}

TEST(SealSuite, TheOpenKeyDoesNotOpenTheSealedHalf) {
  const auto sealed = ParseSealed(Sealed(), "f").value();
  const auto opened = OpenHalf(sealed, Half::kSealed, kKeys.open);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
}

TEST(SealSuite, EditedRulesOpenNothing) {
  for (const auto& [from, to] : {std::pair{"\"openings\": 3", "\"openings\": 900"}, {"openai:*", "closed:*"}}) {
    std::string text = Sealed();
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, std::string_view(from).size(), to);
    const auto sealed = ParseSealed(text, "f");
    ASSERT_TRUE(sealed);
    EXPECT_FALSE(OpenHalf(*sealed, Half::kSealed, kKeys.sealed)) << to;
  }
}

TEST(SealSuite, AHalfWithoutCasesIsRefused) {
  SealRules rules = Rules();
  rules.share = 1;
  EXPECT_FALSE(SealSuite(SuiteOfPairs(4), rules, kKeys));
}

TEST(FindLeaks, ACaseInTrainingDataAndACanaryAreFound) {
  const data::Suite suite = OpenHalf(ParseSealed(Sealed(), "f").value(), Half::kOpen, kKeys.open).value();
  const std::string asked = suite.cases[3].Prompt();
  const std::vector<json::object> training = {{{"prompt", "How do plants drink?"}, {"completion", "By their roots."}},
                                              {{"prompt", "Well: " + asked}, {"completion", "Nothing."}},
                                              {{"prompt", "Fine weather"}, {"completion", "plumbline-canary 00"}}};
  std::set<std::pair<std::string, size_t>> found;
  for (const Leak& leak : FindLeaks(suite, training, 0.9)) found.insert({leak.id, leak.row});
  EXPECT_TRUE(found.contains({suite.cases[3].id, 2}));
  EXPECT_TRUE(found.contains({"", 3}));
  EXPECT_TRUE(FindLeaks(suite, {training[0]}).empty());
}

TEST(RotationAdvice, SaysWhenItIsSpent) {
  EXPECT_EQ(RotationAdvice(1, 20), "opening 1 of 20");
  EXPECT_NE(RotationAdvice(10, 20).find("half"), std::string::npos);
  EXPECT_NE(RotationAdvice(20, 20).find("the last"), std::string::npos);
}

}  // namespace
}  // namespace plumb::eval
