#include "base/stats/weighted_risk.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace plumb::stats {
namespace {

// Traffic in which what scores high is reviewed 20 times as often as what does not: benign margins are standard normal.
struct Traffic {
  std::mt19937_64 random;
  double often, seldom;
  std::vector<WeightedScore> Review(size_t exchanges) {
    std::normal_distribution<double> normal;
    std::uniform_real_distribution<double> uniform;
    std::vector<WeightedScore> out;
    for (size_t i = 0; i < exchanges; ++i) {
      const double score = normal(random), probability = score > 1 ? often : seldom;
      if (uniform(random) < probability) out.push_back({score, 1 / probability});
    }
    return out;
  }
};
double Above(double shift) { return 0.5 * std::erfc(shift / std::sqrt(2.0)); }

// One weight for all, no errors: Π (1 + λ rate) over n cases; by hand for the least n that proves 5 % at 95 %.
TEST(WeightedRisk, NumberOfCasesWithoutErrors) {
  // 0.5 · 1.05^n + 0.125 · (1.0375^n + 1.025^n + 1.0125^n + 1.005^n) ≥ 20 first at n = 73.
  std::vector<WeightedScore> cases(73, {0.0, 3.0});
  EXPECT_LE(WeightedUpperBound(cases, 1, true, 3, 0.95), 0.05);
  cases.pop_back();
  EXPECT_GT(WeightedUpperBound(cases, 1, true, 3, 0.95), 0.05);
  EXPECT_EQ(WeightedUpperBound({}, 1, true, 3, 0.95), 1);
  EXPECT_EQ(WeightedUpperBound(std::vector<WeightedScore>(50, {2.0, 1.0}), 1, true, 1, 0.95), 1) << "nothing but hits";
}

TEST(WeightedRisk, TooFewReviewsSaysHowManyAreMissing) {
  const std::vector<WeightedScore> some(20, {0.0, 1.0});
  const AlarmThreshold alarm = WeightedThresholdForAlarms(some, 1, 0.05, 0.95);
  EXPECT_FALSE(alarm.guaranteed);
  EXPECT_EQ(alarm.n_missing, 56u);
  // Cases that count a tenth say a tenth.
  EXPECT_GT(WeightedThresholdForAlarms(some, 10, 0.05, 0.95).n_missing, 700u);
  EXPECT_EQ(WeightedThresholdForCatch({}, 1, 0.9, 0.95).n_missing, 39u);
}

// The guarantee by simulation, under a bias that makes the unweighted answer wrong: the share of 200 calibrations whose true
// rate is beyond the budget is at most δ, and the budget is used.
TEST(WeightedRisk, AlarmsHoldTheirBudgetWhereReviewsAreBiased) {
  Traffic traffic{std::mt19937_64(3), 0.05, 1.0};  // high scores are seldom looked at: the unweighted rate is far too low
  int beyond = 0, beyond_unweighted = 0;
  double spent = 0;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<WeightedScore> reviewed = traffic.Review(2500);
    const AlarmThreshold weighted = WeightedThresholdForAlarms(reviewed, 20, 0.1, 0.9);
    ASSERT_TRUE(weighted.guaranteed) << reviewed.size() << " reviews, missing " << weighted.n_missing;
    beyond += Above(weighted.shift) > 0.1;
    spent += Above(weighted.shift) / 200;
    std::vector<double> scores;
    for (const WeightedScore& one : reviewed) scores.push_back(one.score);
    const AlarmThreshold unweighted = JointThresholdForAlarms(scores, std::vector<double>{0}, 0.1, 0.9);
    beyond_unweighted += Above(unweighted.shift) > 0.1;
  }
  EXPECT_LE(beyond, 20 + 3 * 4.3);
  EXPECT_GT(spent, 0.03);
  EXPECT_EQ(beyond_unweighted, 200);
}

TEST(WeightedRisk, CatchHoldsWhereReviewsAreBiased) {
  Traffic traffic{std::mt19937_64(4), 1.0, 0.05};  // what is caught is looked at, what is missed seldom
  int below = 0, below_unweighted = 0;
  double caught = 0;
  for (int trial = 0; trial < 150; ++trial) {
    const std::vector<WeightedScore> reviewed = traffic.Review(6000);
    const CatchThreshold weighted = WeightedThresholdForCatch(reviewed, 20, 0.8, 0.9);
    ASSERT_TRUE(weighted.guaranteed);
    below += Above(weighted.threshold) < 0.8;
    caught += Above(weighted.threshold) / 150;
    std::vector<double> scores;
    for (const WeightedScore& one : reviewed) scores.push_back(one.score);
    below_unweighted += Above(ThresholdForCatch(scores, 0.8, 0.9).threshold) < 0.8;
  }
  EXPECT_LE(below, 15 + 3 * 3.7);
  EXPECT_LT(caught, 0.97) << "and not by alarming always";
  EXPECT_EQ(below_unweighted, 150);
}

}  // namespace
}  // namespace plumb::stats
