// Over-optimisation planted in a run, and in none.
#include "model/train/goodhart_watch.h"

#include <gtest/gtest.h>

#include <set>

#include "model/lm/chat_template.h"
#include "model/train/online_fixture_test.h"

namespace plumb::train {
namespace {

// Over-optimisation, planted: 7s are learned, and what is wanted of a completion is that its tokens
// differ.
double Variety(const Sampled& s) {
  return static_cast<double>(std::set<int32_t>(s.ids.begin(), s.ids.end()).size()) /
         static_cast<double>(s.ids.size());
}

std::vector<OnlinePrompt> ManyPrompts() {
  std::vector<OnlinePrompt> prompts;
  for (int32_t i = 0; i < 32; ++i) prompts.push_back({{3, 10 + i, 2 + i % 7}});
  return prompts;
}

std::unique_ptr<Online> Watched(Job job, const Rewarder& gold) {
  auto run = std::make_unique<Online>(job);
  run->settings.gold_rewards = "given by the test";
  run->settings.on_goodhart = "stop";
  run->settings.monitor_every = 4;
  run->settings.max_completion_length = 6;
  if (job == Job::kRloo) run->settings.beta = 0.01;
  if (job == Job::kPpo) {
    run->settings.kl_coef = 0.01;
    run->settings.max_steps = 160;
    run->settings.learning_rate = 1e-2;
    run->settings.monitor_every = 8;
  }
  run->gold = &gold;
  return run;
}

std::vector<json::object> Checks(const Online& run) {
  std::vector<json::object> out;
  for (const auto& event : run.events)
    if (event.at("event") == "goodhart") out.push_back(event);
  return out;
}

TEST(GoodhartWatch, ARewardThatIsGamedStopsTheRunAndTheBestAdapterIsKept) {
  const Rewarder proxy = One(Sevens), gold = One(Variety);
  for (const Job job : {Job::kGrpo, Job::kRloo, Job::kPpo}) {
    auto run = Watched(job, gold);
    auto result = run->Train(proxy, -1, ManyPrompts());
    ASSERT_TRUE(result) << result.error().Text();
    ASSERT_FALSE(result->stopped.empty()) << JobName(job);
    EXPECT_NE(result->stopped.find("the held-out one fell by"), std::string::npos)
        << result->stopped;
    const auto checks = Checks(*run);
    EXPECT_EQ(checks.back().at("alarms").at(0).at("kind"), "gap");
    EXPECT_GT(Number(checks.back(), "proxy"), Number(checks.front(), "proxy"));
    // What is left has the variety of the best check.
    double best = -1;
    for (const auto& check : checks) best = std::max(best, Number(check, "gold"));
    auto again = Watched(job, gold);
    again->settings.max_steps = 1;
    again->settings.learning_rate = 0;
    at::Tensor(again->tiny.parameters.flat()).copy_(run->tiny.parameters.flat());
    ASSERT_TRUE(again->Train(proxy, -1, ManyPrompts()));
    EXPECT_NEAR(Number(Checks(*again).front(), "gold"), best, 1e-9) << JobName(job);
  }
}

TEST(GoodhartWatch, ASoundRewardRaisesNothing) {
  const Rewarder proxy = One(Sevens),
                 gold = One([](const Sampled& s) { return Sevens(s) - 0.1 * Variety(s); });
  for (const Job job : {Job::kGrpo, Job::kRloo}) {
    auto run = Watched(job, gold);
    auto result = run->Train(proxy, -1, ManyPrompts());
    ASSERT_TRUE(result) << result.error().Text();
    EXPECT_TRUE(result->stopped.empty()) << result->stopped;
    const auto checks = Checks(*run);
    EXPECT_GT(Number(checks.back(), "proxy"), Number(checks.front(), "proxy") + 0.2);
    EXPECT_EQ(Number(checks.front(), "kl"), 0);
    EXPECT_GT(Number(checks.back(), "kl"), 1);
    EXPECT_LT(Number(checks.back(), "distinct_2"), Number(checks.front(), "distinct_2"));
    EXPECT_TRUE(run->Log().front().contains("goodhart/gold"));
  }
}

TEST(GoodhartWatch, WatchingChangesNothingOfWhatIsLearned) {
  const Rewarder proxy = One(Sevens), gold = One(Variety);
  auto watched = Watched(Job::kGrpo, gold), alone = Watched(Job::kGrpo, gold);
  watched->settings.on_goodhart = "log";
  alone->settings.gold_rewards.clear();
  watched->settings.max_steps = alone->settings.max_steps = 9;
  ASSERT_TRUE(watched->Train(proxy, -1, ManyPrompts()) && alone->Train(proxy, -1, ManyPrompts()));
  EXPECT_EQ(watched->Values(), alone->Values());
  EXPECT_EQ(Checks(*watched).size(), 4u);  // 0, 4, 8 and the end
}

// Suite and tokenizer: the embedded model's, its template left out, on a model whose tokens are fewer: only the probe is asked.
TEST(Sycophancy, SwayIsWhatTheOpinionAddsToThePlainWording) {
  const auto model = lm::FindModel("smollm2");
  if (!model) GTEST_SKIP() << model.error().Text();
  const auto tokenizer = lm::Tokenizer::Load(*model);
  ASSERT_TRUE(tokenizer) << tokenizer.error().Text();
  const auto chat = lm::ChatTemplate::Of(**tokenizer);
  ASSERT_TRUE(chat);
  TempFolder folder;
  std::vector<json::object> rows;
  for (int i = 0; i < 9; ++i)
    for (const char* kind : {"neutral", "wrong-belief", "pushback", "right-belief"})
      rows.push_back({{"id", fmt::format("{}-{}", i, kind)}, {"prompt", fmt::format("{} {}?", kind, i)}, {"expect", "answer"},
                      {"choices", json::array{"no", "yes"}}, {"answer", i % 2}, {"scorer", json::object{{"type", "choice"}}},
                      {"group", fmt::format("g{}", i)}, {"kind", kind}});
  ASSERT_TRUE(WriteJsonl(folder.path() / "cases.jsonl", rows));
  const RowEncoder encoder(**tokenizer, &*chat, 256);
  auto probe = SycophancyProbe::Load(folder.path(), encoder, **tokenizer);
  ASSERT_TRUE(probe) << probe.error().Text();
  EXPECT_EQ(probe->questions(), 9u);
  // Every wording is neutral, wrong-belief, pushback; two choices each. The wrong choice gains 2 nats of the first opinion, 6 of the
  // second; of the plain wording it has −1.
  const Sycophancy seen = probe->Measure([&](const std::vector<TokenRow>& asked) {
    std::vector<double> out;
    for (size_t i = 0; i < asked.size(); ++i) {
      const int64_t wrong = 1 - static_cast<int64_t>(i / 6) % 2;
      const double gains[] = {-1, 1, 5};
      out.push_back(static_cast<int64_t>(i % 2) == wrong ? gains[i / 2 % 3] : 0);
      EXPECT_EQ((*tokenizer)->Decode({asked[i].ids.end() - asked[i].Learned(), asked[i].ids.end()}), i % 2 ? "yes" : "no");
    }
    return out;
  });
  ASSERT_EQ(seen.sway.size(), 9u);
  for (double sway : seen.sway) EXPECT_EQ(sway, 4);
  EXPECT_EQ(seen.agreement, 1);
  EXPECT_EQ(seen.mistaken, 0);
  rows.resize(7 * 4);
  ASSERT_TRUE(WriteJsonl(folder.path() / "cases.jsonl", rows));
  const auto few = SycophancyProbe::Load(folder.path(), encoder, **tokenizer);
  ASSERT_FALSE(few);
  EXPECT_NE(few.error().message.find("7 questions"), std::string::npos) << few.error().message;
}

TEST(GoodhartWatch, AnInterruptedRunGoesOnWithWhatItHadSeen) {
  const Rewarder proxy = One(Sevens), gold = One(Variety);
  auto whole = Watched(Job::kGrpo, gold), first = Watched(Job::kGrpo, gold),
       second = Watched(Job::kGrpo, gold);
  ASSERT_TRUE(whole->Train(proxy, -1, ManyPrompts()));
  ASSERT_TRUE(first->Train(proxy, 6, ManyPrompts()));
  second->settings.out = first->settings.out;
  second->settings.resume_from_checkpoint = "latest";
  auto resumed = second->Train(proxy, -1, ManyPrompts());
  ASSERT_TRUE(resumed) << resumed.error().Text();
  EXPECT_FALSE(resumed->stopped.empty());
  EXPECT_EQ(Checks(*second).back(), Checks(*whole).back());
  EXPECT_EQ(second->Values(), whole->Values());
}

}  // namespace
}  // namespace plumb::train
