// Several groups beside one another, confidences beside outcomes, tries at a task.
#include <gtest/gtest.h>

#include <cmath>

#include "base/core/core.h"
#include "base/stats/stats.h"

namespace plumb::stats {
namespace {

// What statsmodels, scikit-learn, scipy and numpy say (tests/goldens/stats/make_groups.py).
const json::object& GroupGoldens() {
  static const json::object golden = ReadJson(fs::path(PLUMB_SOURCE_DIR) / "tests/goldens/stats/groups.json").value().as_object();
  return golden;
}
std::vector<double> GoldenList(const json::value& value) {
  std::vector<double> out;
  for (const json::value& one : value.as_array()) out.push_back(one.to_number<double>());
  return out;
}
Tally TallyOf(double k, double n) { return {static_cast<int64_t>(k), static_cast<int64_t>(n)}; }

TEST(RateDifference, EqualsStatsmodels) {
  for (const json::value& row : GroupGoldens().at("difference").as_array()) {
    const std::vector<double> x = GoldenList(row);
    const Interval got = RateDifference(TallyOf(x[0], x[1]), TallyOf(x[2], x[3]));
    EXPECT_NEAR(got.low, x[4], 1e-9);
    EXPECT_NEAR(got.high, x[5], 1e-9);
  }
}

TEST(RateRatio, EqualsStatsmodels) {
  for (const json::value& row : GroupGoldens().at("ratio").as_array()) {
    const std::vector<double> x = GoldenList(row);
    const Interval got = RateRatio(TallyOf(x[0], x[1]), TallyOf(x[2], x[3]));
    EXPECT_NEAR(got.low, x[4], 1e-4 * x[4]) << x[0] << "/" << x[1];
    EXPECT_NEAR(got.high, x[5], 1e-4 * x[5]) << x[0] << "/" << x[1];
  }
}

TEST(RateRatio, WithoutEventsSaysOnlyWhatIsKnown) {
  const Interval none = RateRatio({0, 40}, {20, 40});
  EXPECT_EQ(none.estimate, 0);
  EXPECT_EQ(none.low, 0);
  EXPECT_GT(none.high, 0.01);
  EXPECT_LT(none.high, 0.5);
  const Interval all = RateRatio({20, 40}, {0, 40});
  EXPECT_TRUE(std::isinf(all.high));
  EXPECT_NEAR(all.low, 1 / none.high, 1e-6);
  EXPECT_TRUE(std::isnan(RateRatio({0, 40}, {0, 40}).estimate));
  EXPECT_TRUE(std::isnan(RateRatio({1, 40}, {0, 0}).estimate));
}

TEST(WidestGap, HoldsForAllPairsAtOnce) {
  const std::vector<Tally> groups = {{50, 100}, {80, 100}, {0, 0}, {55, 100}};
  const WidestGap got = WidestGapOf(groups);
  EXPECT_EQ(got.highest, 1u);
  EXPECT_EQ(got.lowest, 0u);
  EXPECT_NEAR(got.gap.estimate, 0.3, 1e-12);
  const Interval alone = RateDifference(groups[1], groups[0]);
  EXPECT_LT(got.gap.low, alone.low) << "chosen after looking";
  EXPECT_GT(got.gap.high, alone.high);
  EXPECT_EQ(WidestGapOf({{1, 2}}).gap.high, 1);
}

TEST(PermutationGap, EqualsScipy) {
  const json::object& golden = GroupGoldens().at("permutation").as_object();
  Grouped in{.value = GoldenList(golden.at("value")), .group = {}, .cluster = {}};
  for (double group : GoldenList(golden.at("group"))) in.group.push_back(static_cast<int>(group));
  for (size_t i = 0; i < in.value.size(); ++i) in.cluster.push_back(static_cast<int64_t>(i));
  const GapTest got = PermutationGap(in, 2, 20000);
  EXPECT_NEAR(got.p, golden.at("p").to_number<double>(), 0.01);
  EXPECT_NEAR(got.group_p[0], got.p, 1e-12) << "of two groups, each is as far from the other";
}

TEST(PermutationGap, LooksWithinPromptsWhereEachHasEveryGroup) {
  // 20 prompts, half of them always refused whoever asks, half never: within a prompt the group decides only four times.
  Grouped crossed, nested;
  for (int prompt = 0; prompt < 20; ++prompt) {
    for (int group = 0; group < 2; ++group) {
      const bool refused = prompt < 8 ? true : prompt < 14 ? group == 1 : false;
      crossed.value.push_back(refused);
      crossed.group.push_back(group);
      crossed.cluster.push_back(prompt);
      nested.cluster.push_back(prompt * 2 + group);
    }
  }
  nested.value = crossed.value;
  nested.group = crossed.group;
  const double within = PermutationGap(crossed, 2).p, between = PermutationGap(nested, 2).p;
  EXPECT_NEAR(within, 2 * std::pow(0.5, 6), 0.01) << "the sign test of six prompts that differ";
  EXPECT_GT(between, 0.05);
}

TEST(PermutationGap, CopiesOfAClusterAreOneObservation) {
  Grouped in;
  for (int cluster = 0; cluster < 4; ++cluster) {
    for (int copy = 0; copy < 50; ++copy) {
      in.value.push_back(cluster < 2);
      in.group.push_back(cluster < 2 ? 0 : 1);
      in.cluster.push_back(cluster);
    }
  }
  EXPECT_NEAR(PermutationGap(in, 2).p, 1.0 / 3, 0.03) << "two of six ways to deal out four clusters are as extreme";
}

Confidences GoldenConfidences() {
  Confidences in{.confidence = GoldenList(GroupGoldens().at("confidence")), .right = {}, .cluster = {}};
  for (double right : GoldenList(GroupGoldens().at("right"))) {
    in.cluster.push_back(static_cast<int64_t>(in.right.size()));
    in.right.push_back(right > 0);
  }
  return in;
}

TEST(Confidence, EqualsScikitLearnAndNumpy) {
  const Confidences in = GoldenConfidences();
  EXPECT_NEAR(BrierScore(in), GroupGoldens().at("brier").to_number<double>(), 1e-12);
  for (const json::value& row : GroupGoldens().at("ece").as_array()) {
    const std::vector<double> x = GoldenList(row);
    EXPECT_NEAR(ExpectedCalibrationError(in, static_cast<int>(x[0])), x[1], 1e-12) << x[0];
  }
  const ConfidenceQuality got = QualityOf(in, 10, 200);
  EXPECT_NEAR(got.auroc.estimate, GroupGoldens().at("auroc").to_number<double>(), 1e-12);
  EXPECT_LT(got.brier.low, got.brier.estimate);
  EXPECT_GT(got.brier.high, got.brier.estimate);
  EXPECT_GT(got.overconfidence.estimate, 0) << "they were drawn so";
}

TEST(Confidence, EqualOnesStayInOneBin) {
  Confidences in{.confidence = std::vector<double>(30, 0.8), .right = std::vector<bool>(30, true), .cluster = {}};
  for (int i = 0; i < 10; ++i) {
    in.confidence.push_back(0.4);
    in.right.push_back(i < 4);
  }
  const std::vector<ReliabilityBin> bins = ReliabilityBins(in, 10);
  ASSERT_EQ(bins.size(), 2u);
  EXPECT_EQ(bins[0].n, 10);
  EXPECT_NEAR(bins[0].accuracy.estimate, 0.4, 1e-12);
  EXPECT_EQ(bins[1].n, 30);
  EXPECT_NEAR(ExpectedCalibrationError(in), 0.75 * 0.2, 1e-12);
}

TEST(Confidence, WhatIsCalibratedIsNotFoundOut) {
  // 40 sets of 200 answers whose confidences are exactly right: about one in twenty falls under p = 0.05, and its ECE is not 0.
  Random random(11);
  int found = 0;
  double error = 0;
  for (int set = 0; set < 40; ++set) {
    Confidences in;
    for (int i = 0; i < 200; ++i) {
      in.confidence.push_back(0.3 + 0.7 * random.Uniform());
      in.right.push_back(random.Uniform() < in.confidence.back());
    }
    found += EceIfCalibrated(in, 10, 199, set + 1).p < 0.05;
    error += ExpectedCalibrationError(in) / 40;
  }
  EXPECT_LE(found, 6);
  EXPECT_GT(error, 0.04);
  Confidences sure{.confidence = std::vector<double>(200, 0.95), .right = std::vector<bool>(200), .cluster = {}};
  for (int i = 0; i < 150; ++i) sure.right[i] = true;
  EXPECT_LT(EceIfCalibrated(sure, 10, 199).p, 0.01);
}

TEST(PassAtK, EqualsHumanEval) {
  for (const json::value& row : GroupGoldens().at("pass_at_k").as_array()) {
    const std::vector<double> x = GoldenList(row);
    EXPECT_NEAR(PassAtK(x[0], x[1], x[2]), x[3], 1e-12) << x[0] << " " << x[1] << " " << x[2];
  }
  EXPECT_TRUE(std::isnan(PassAtK(3, 1, 5)));
}

TEST(PassAtK, IsUnbiased) {
  // Of a task that one try solves with 0.3: the mean over all outcomes of 6 tries is 1 − 0.7³ for 3.
  double mean = 0;
  for (int c = 0; c <= 6; ++c) mean += BinomialPmf(c, 6, 0.3) * PassAtK(6, c, 3);
  EXPECT_NEAR(mean, 1 - std::pow(0.7, 3), 1e-12);
  const Interval all = MeanPassAtK({{5, 5}, {5, 5}, {5, 5}}, 1);
  EXPECT_EQ(all.estimate, 1);
  EXPECT_LT(all.low, 0.6) << "three tasks say little";
}

}  // namespace
}  // namespace plumb::stats
