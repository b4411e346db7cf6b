#include "base/stats/risk_control.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace plumb::stats {
namespace {

TEST(RiskControl, SampleSizesOfTheDesign) {
  EXPECT_EQ(SamplesForZeroErrors(0.02, 0.95), 149u);
  EXPECT_EQ(SamplesForZeroErrors(0.01, 0.95), 299u);
  EXPECT_EQ(SamplesForZeroErrors(0.05, 0.95), 59u);
  EXPECT_FALSE(AllowedErrors(148, 0.02, 0.95).has_value());
  EXPECT_EQ(AllowedErrors(149, 0.02, 0.95), 0u);
  EXPECT_FALSE(AllowedErrors(298, 0.01, 0.95).has_value());
  EXPECT_EQ(AllowedErrors(299, 0.01, 0.95), 0u);
}

// The exact binomial sum of Python integers and fractions, solved by bisection: P(X <= 5 | 100, p) = 0.05, and
// P(X >= 5 | 100, p) = 0.05.
TEST(RiskControl, ClopperPearsonSolvesTheBinomialSum) {
  EXPECT_NEAR(BinomialUpperBound(5, 100, 0.95), 0.1022533776, 1e-9);
  EXPECT_NEAR(BinomialLowerBound(5, 100, 0.95), 0.0199055637, 1e-9);
  EXPECT_NEAR(BinomialUpperBound(0, 299, 0.95), 0.0099691468, 1e-9);
  EXPECT_EQ(BinomialUpperBound(0, 0, 0.95), 1);
  EXPECT_EQ(BinomialLowerBound(0, 10, 0.95), 0);
}

TEST(RiskControl, AllowedErrorsIsTheLastThatProves) {
  for (const size_t n : {59u, 100u, 473u, 2000u}) {
    const auto k = AllowedErrors(n, 0.05, 0.95);
    ASSERT_TRUE(k);
    EXPECT_LE(BinomialUpperBound(*k, n, 0.95), 0.05 + 1e-9) << n;
    EXPECT_GT(BinomialUpperBound(*k + 1, n, 0.95), 0.05) << n;
  }
}

TEST(RiskControl, TooFewPositivesSaysHowManyAreMissing) {
  const CatchThreshold t = ThresholdForCatch(std::vector<double>(100, 1.0), 0.98, 0.95);
  EXPECT_FALSE(t.guaranteed);
  EXPECT_EQ(t.n_missing, 49u);
  EXPECT_EQ(t.threshold, 1.0);
}

// The guarantee itself, by simulation: over 2,000 calibrations the share whose true catch falls short is ≤ δ.
TEST(RiskControl, CatchHoldsAtItsConfidence) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  int short_of_target = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<double> scores(200);
    for (double& score : scores) score = normal(random);
    const CatchThreshold t = ThresholdForCatch(scores, 0.9, 0.9);
    const double true_catch = 0.5 * std::erfc(t.threshold / std::sqrt(2.0));
    short_of_target += true_catch < 0.9;
  }
  EXPECT_LE(short_of_target, 2000 * 0.1 + 3 * std::sqrt(2000 * 0.09));
  EXPECT_GT(short_of_target, 20);  // and it is not won by giving everything away
}

TEST(RiskControl, JointBudgetHoldsAtItsConfidence) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  const std::vector<double> offsets = {0.5, -0.5, 0};
  int over_budget = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    std::vector<double> scores(3 * 400);
    for (double& score : scores) score = normal(random);
    const AlarmThreshold t = JointThresholdForAlarms(scores, offsets, 0.05, 0.9);
    double quiet = 1;
    for (const double offset : offsets) quiet *= 1 - 0.5 * std::erfc((offset + t.shift) / std::sqrt(2.0));
    over_budget += 1 - quiet > 0.05;
  }
  EXPECT_LE(over_budget, 1000 * 0.1 + 3 * std::sqrt(1000 * 0.09));
}

TEST(RiskControl, JointThresholdCountsATextOnce) {
  // One text alarms in both clauses, 398 in none: 1 alarm of 399, still within 1 % only without it.
  std::vector<double> scores(2 * 399, 0.0);
  scores[0] = scores[1] = 5;
  const AlarmThreshold t = JointThresholdForAlarms(scores, std::vector<double>{0, 0}, 0.01, 0.95);
  EXPECT_TRUE(t.guaranteed);
  EXPECT_EQ(t.alarms, 0u);
  EXPECT_GT(t.shift, 5);
}

// Eight clauses at 95 % each: one by one, some claim of a calibration is false a third of the time; jointly at most 5 %.
TEST(RiskControl, JointCatchesHoldTogether) {
  std::mt19937_64 random(23);
  std::normal_distribution<double> normal;
  constexpr int kTrials = 600;
  int any_false = 0, any_false_alone = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<std::vector<double>> positives(9);
    for (size_t c = 0; c < 9; ++c) {
      positives[c].resize(c < 8 ? 200 + 20 * c : 10);  // the last can prove nothing, and takes no share
      for (double& score : positives[c]) score = normal(random);
    }
    const JointCatch joint = ProveJointly(std::vector<double>(9, 0.95), [&](size_t c, double confidence) { return ThresholdForCatch(positives[c], 0.9, confidence); });
    ASSERT_EQ(joint.claims, 8u);
    bool wrong = false, wrong_alone = false;
    for (size_t c = 0; c < 8; ++c) {
      const auto falls_short = [&](double threshold) { return 0.5 * std::erfc(threshold / std::sqrt(2.0)) < 0.9; };
      EXPECT_TRUE(joint.thresholds[c].guaranteed);
      wrong |= falls_short(joint.thresholds[c].threshold);
      wrong_alone |= falls_short(ThresholdForCatch(positives[c], 0.9, 0.95).threshold);
    }
    any_false += wrong;
    any_false_alone += wrong_alone;
  }
  EXPECT_LE(any_false, kTrials * 0.05 + 3 * std::sqrt(kTrials * 0.05 * 0.95));
  EXPECT_GT(any_false, kTrials * 0.01) << "nor given away";
  EXPECT_GT(any_false_alone, kTrials * 0.2);
}

TEST(RiskControl, AClaimThatCannotBeProvedSaysWhatItTakes) {
  const std::vector<std::vector<double>> positives = {std::vector<double>(200, 1.0), std::vector<double>(20, 1.0)};
  const JointCatch joint = ProveJointly({0.95, 0.95}, [&](size_t c, double confidence) { return ThresholdForCatch(positives[c], 0.9, confidence); });
  EXPECT_EQ(joint.claims, 1u);
  EXPECT_TRUE(joint.thresholds[0].guaranteed);
  EXPECT_EQ(joint.confidences[0], 0.95);
  EXPECT_FALSE(joint.thresholds[1].guaranteed);
  EXPECT_EQ(joint.thresholds[1].n_missing, SamplesForZeroErrors(0.1, 0.975) - 20);
}

}  // namespace
}  // namespace plumb::stats
