// Thresholds with a finite-sample guarantee from cases that were not drawn evenly: reviewed traffic, where what was stopped
// was looked at more often than what passed.
//
//   Of a population each case was drawn for review by itself, with a probability that is known; it counts 1/probability. Of
//   the population's rate the sample then has the same sign: with u = weight / max_weight in (0, 1] the mean of
//   u · (hit − rate) over the cases drawn is below 0 exactly where the rate is. Betting on that (Waudby-Smith & Ramdas 2024)
//   proves it: E = Σ_g p_g Π_i (1 + λ_g u_i (rate − hit_i)) has expectation ≤ 1 where the population's rate is ≥ `rate`, so that
//   E ≥ 1/error refutes it, whatever the weights and however few cases. The bets λ_g are fixed, so that, unlike
//   sequential.h's, the value does not depend on the order of the cases: a file of reviews has none.
//
// `max_weight` is 1/(the least probability that the design gives any case); from the design, not from what was drawn.
// With equal weights risk_control.h's binomial bounds are exact and need fewer cases. Functions of their arguments.
#pragma once

#include <cstddef>
#include <span>

#include "base/stats/risk_control.h"

namespace plumb::stats {

struct WeightedScore {
  double score = 0;
  double weight = 1;  // 1/probability
};

// The least rate that is refuted with this confidence, of cases that score at least (`above`) or less than `threshold`; 1
// where there are none.
double WeightedUpperBound(std::span<const WeightedScore> cases, double threshold, bool above, double max_weight, double confidence);

// As ThresholdForCatch and JointThresholdForAlarms: thresholds are tried in a fixed order, the safe one first, on a grid of
// kScoreStep, until the first that is not proved (fixed-sequence testing pays for no multiplicity). `n`, `missed` and `alarms`
// are counts of cases drawn, `n_missing` how many more like them would be needed, were none of them an error. Where nothing is
// proved the threshold is that of the weighted quantile.
inline constexpr double kScoreStep = 0.05, kScoreLimit = 20;  // log-odds
CatchThreshold WeightedThresholdForCatch(std::span<const WeightedScore> positives, double max_weight, double catch_rate, double confidence);
// `margins`: of every ordinary text the largest of score − offset over the clauses.
AlarmThreshold WeightedThresholdForAlarms(std::span<const WeightedScore> margins, double max_weight, double budget, double confidence);

}  // namespace plumb::stats
