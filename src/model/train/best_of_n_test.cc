#include "model/train/best_of_n.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/train/online_fixture_test.h"

namespace plumb::train {
namespace {

TEST(BestOfN, TheBestIsKeptAndTheWorstIsItsPair) {
  Online run(Job::kBestOfN);
  run.settings.num_generations = 4;
  data::TrlRow row;
  row.shape = data::TrlShape::kPrompt;
  row.prompt.text = "p";
  row.where = "rows.jsonl:1";
  class Counting : public Roller {
   public:
    Result<std::vector<Completion>> Roll(const std::vector<Ids>& prompts,
                                         const std::vector<uint64_t>&) override {
      std::vector<Completion> out(prompts.size());
      for (size_t i = 0; i < out.size(); ++i) out[i].ids = {static_cast<int32_t>(10 + i)};
      return out;
    }
  } counting;
  const auto rewarder = One([](const Sampled& s) {
    return s.ids[0] == 12 ? 5.0 : s.ids[0] == 11 ? -1.0 : 1.0;
  });
  Surroundings world{.emit = [&](const json::object& e) { run.events.push_back(e); },
                     .seconds = [] { return 0.0; }};
  auto result = RunBestOfN(
      run.settings, {{{3}, &row}}, counting, rewarder, nullptr,
      [](const Ids& ids) { return fmt::format("t{}", ids[0]); }, world);
  ASSERT_TRUE(result) << result.error().Text();
  const auto best = *ReadJsonl(run.out.path() / "best.jsonl"),
             pairs = *ReadJsonl(run.out.path() / "pairs.jsonl");
  ASSERT_EQ(best.size(), 1u);
  EXPECT_EQ(best[0].at("completion"), "t12");
  EXPECT_EQ(pairs[0].at("rejected"), "t11");
  EXPECT_EQ(Number(pairs[0], "margin"), 6);
  EXPECT_EQ(Number(run.events.back(), "best_reward"), 5);
  EXPECT_EQ(Number(run.events.back(), "reward"), 1.5);
  EXPECT_NEAR(BestOfNKl(4), std::log(4) - 0.75, 1e-12);
}

// Sixteen prompts of eight answers each: 20 + g for the g-th.
struct Choice {
  Online run{Job::kBestOfN};
  std::vector<data::TrlRow> rows = std::vector<data::TrlRow>(16);
  std::vector<OnlinePrompt> prompts;
  class Counting : public Roller {
   public:
    Result<std::vector<Completion>> Roll(const std::vector<Ids>& prompts,
                                         const std::vector<uint64_t>&) override {
      std::vector<Completion> out(prompts.size());
      for (size_t i = 0; i < out.size(); ++i) out[i].ids = {static_cast<int32_t>(20 + i % 8)};
      return out;
    }
  } counting;
  Choice() {
    run.settings.num_generations = 8;
    run.settings.gold_rewards = "given by the test";
    run.settings.on_goodhart = "fail";
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].shape = data::TrlShape::kPrompt;
      rows[i].prompt.text = fmt::format("p{}", i);
      rows[i].where = fmt::format("rows.jsonl:{}", i + 1);
      prompts.push_back({{3, static_cast<int32_t>(i)}, &rows[i]});
    }
  }
  Result<JobResult> Run(const Rewarder& gold) {
    const Rewarder proxy = One([](const Sampled& s) { return s.ids[0]; });
    Surroundings world{.emit = [&](const json::object& e) { run.events.push_back(e); },
                       .seconds = [] { return 0.0; }};
    return RunBestOfN(
        run.settings, prompts, counting, proxy, &gold,
        [](const Ids& ids) { return fmt::format("t{}", ids[0]); }, world);
  }
};

TEST(GoodhartWatch, TheBestOfTooManyAreNotTaken) {
  Choice gamed, sound;
  // The highest by the proxy is worthless, and the more are drawn the surer it is chosen.
  ASSERT_TRUE(gamed.Run(One([](const Sampled& s) { return s.ids[0] == 27 ? -9.0 : s.ids[0]; })));
  const auto& done = gamed.run.events.back();
  EXPECT_EQ(done.at("failed"), true);
  EXPECT_NE(FindString(done, "stopped")->find("the held-out one fell by"), std::string::npos);
  const auto kept = *ReadJsonl(gamed.run.out.path() / "best.jsonl");
  EXPECT_EQ(kept.size(), 16u);
  for (const auto& row : kept) EXPECT_NE(row.at("completion"), "t27");
  ASSERT_TRUE(sound.Run(One([](const Sampled& s) { return s.ids[0] / 3.0; })));
  EXPECT_FALSE(sound.run.events.back().contains("stopped"));
  const auto best = *ReadJsonl(sound.run.out.path() / "best.jsonl");
  for (const auto& row : best) EXPECT_EQ(row.at("completion"), "t27");
}

}  // namespace
}  // namespace plumb::train
