// What can be proved of a threshold from cases that were all drawn alike, by exact binomial bounds, or drawn for review with
// known probabilities, by betting with their inverse weights. Private to this room.
#pragma once

#include <vector>

#include "base/stats/risk_control.h"
#include "base/stats/weighted_risk.h"

namespace plumb::guard {

struct Cases {
  std::vector<stats::WeightedScore> drawn;
  double max_weight = 0;  // 1/(the least probability of the review's design); 0: all were drawn alike
};

stats::CatchThreshold ThresholdForCatch(const Cases& positives, double catch_rate, double confidence);
// `margins`: the largest of score − offset over the clauses.
stats::AlarmThreshold ThresholdForAlarms(const Cases& margins, double budget, double confidence);
// Of the rate of cases that score at least (`above`) or less than `threshold`.
double RateUpperBound(const Cases& cases, double threshold, bool above, double confidence);

}  // namespace plumb::guard
