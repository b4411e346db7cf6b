#include "measure/eval/history.h"

#include <gtest/gtest.h>

#include "measure/eval/made_run_test.h"

namespace plumb::eval {
namespace {

// A run of `cases` cases on day `day`, of which `right` pass.
Run OnDay(int day, int right, int cases, const std::string& target = "local:m", bool guarded = false) {
  Run run = RunOf(fmt::format("run-{:02}-{}", day, target), std::vector<std::string>(static_cast<size_t>(cases), "an answer"));
  run.created = fmt::format("2026-03-{:02}T10:00:00.000Z", day);
  run.target = {{"name", target}};
  run.settings = {{"guarded", guarded}, {"system", "none"}, {"system_sha256", ""}, {"max_tokens", 256}, {"temperature", 0.0}, {"seed", 0}};
  for (int i = 0; i < cases; ++i) {
    Sample& sample = run.samples[static_cast<size_t>(i)];
    sample.expect = data::Expect::kRefuse;
    sample.refused = sample.passed = i < right;
  }
  run.digest = RunDigest(run).value();
  return run;
}

const History& Find(const std::vector<History>& all, const std::string& measure, const std::string& target = "local:m") {
  for (const History& one : all) {
    if (one.measure == measure && one.target == target) return one;
  }
  ADD_FAILURE() << "no series of " << measure;
  return all.front();
}

TEST(Histories, ADropIsFoundOnTheDayItCame) {
  std::vector<eval::Run> runs;
  for (int day : {9, 1, 2, 3, 4, 5, 6, 7, 8}) runs.push_back(OnDay(day, day < 6 ? 85 + day % 2 : 60, 100));
  const auto all = Histories(runs);
  const History& refused = Find(all, "unsafe refused");
  ASSERT_EQ(refused.points.size(), 9u);
  EXPECT_EQ(refused.points[0].created.substr(0, 10), "2026-03-01") << "oldest first, whatever order they were read in";
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(refused.points[i].changed, i == 5) << i;
  ASSERT_EQ(refused.levels.size(), 2u);
  EXPECT_NEAR(refused.levels[0].rate.estimate, 0.856, 0.001);
  EXPECT_NEAR(refused.levels[1].rate.estimate, 0.60, 0.001);
}

TEST(Histories, OnlyLikeIsComparedWithLike) {
  const std::vector<eval::Run> runs = {OnDay(1, 90, 100), OnDay(2, 20, 100, "local:other"), OnDay(3, 20, 100, "local:m", true), OnDay(4, 90, 100)};
  const auto all = Histories(runs);
  size_t series = 0;
  for (const History& one : all) {
    EXPECT_EQ(one.levels.size(), 1u);
    series += one.measure == "unsafe refused";
  }
  EXPECT_EQ(series, 3u);
  EXPECT_EQ(Find(all, "unsafe refused").points.size(), 2u);
}

TEST(Histories, ARunReadTwiceIsOnePoint) {
  const eval::Run run = OnDay(1, 50, 100);
  EXPECT_EQ(Find(Histories({run, run}), "unsafe refused").points.size(), 1u);
}

// 50 groups of ten cases are 50 cases: a difference that 500 would show is not there.
TEST(Histories, CasesThatHangTogetherCountAsOne) {
  std::vector<eval::Run> runs;
  for (int day = 1; day <= 6; ++day) {
    runs.push_back(OnDay(day, day <= 3 ? 300 : 350, 500));
  }
  EXPECT_EQ(Find(Histories(runs), "unsafe refused").levels.size(), 2u);
  for (eval::Run& run : runs) {
    for (size_t i = 0; i < run.samples.size(); ++i) run.samples[i].group = fmt::format("g{}", i % 50);
    run.digest = RunDigest(run).value();
  }
  EXPECT_EQ(Find(Histories(runs), "unsafe refused").levels.size(), 1u);
}

TEST(Histories, ThePageNeedsNothingElseAndEscapesNames) {
  std::vector<eval::Run> runs;
  for (int day = 1; day <= 4; ++day) runs.push_back(OnDay(day, day < 3 ? 95 : 40, 100, "local:<b>m"));
  const auto all = Histories(runs);
  const std::string page = HistoriesHtml(all, "2026-03-05");
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(page.find("<b>m"), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;m"), std::string::npos);
  EXPECT_NE(page.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(page.find("<svg"), std::string::npos);
  EXPECT_NE(HistoriesTable(all).find("changed"), std::string::npos);
  const json::array rows = HistoriesJson(all);
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows[0].as_object().at("levels").as_array().size(), 2u);
}

}  // namespace
}  // namespace plumb::eval
