#include "runtime/guard/proof.h"

#include <algorithm>

namespace plumb::guard {
namespace {

std::vector<double> ScoresOf(const Cases& cases) {
  std::vector<double> out;
  out.reserve(cases.drawn.size());
  for (const stats::WeightedScore& one : cases.drawn) out.push_back(one.score);
  return out;
}

}  // namespace

stats::CatchThreshold ThresholdForCatch(const Cases& positives, double catch_rate, double confidence) {
  if (positives.max_weight == 0) return stats::ThresholdForCatch(ScoresOf(positives), catch_rate, confidence);
  return stats::WeightedThresholdForCatch(positives.drawn, positives.max_weight, catch_rate, confidence);
}

stats::AlarmThreshold ThresholdForAlarms(const Cases& margins, double budget, double confidence) {
  constexpr double kNoOffset[] = {0};
  if (margins.max_weight == 0) return stats::JointThresholdForAlarms(ScoresOf(margins), kNoOffset, budget, confidence);
  return stats::WeightedThresholdForAlarms(margins.drawn, margins.max_weight, budget, confidence);
}

double RateUpperBound(const Cases& cases, double threshold, bool above, double confidence) {
  if (cases.max_weight > 0) return stats::WeightedUpperBound(cases.drawn, threshold, above, cases.max_weight, confidence);
  const auto hits = std::count_if(cases.drawn.begin(), cases.drawn.end(), [&](const stats::WeightedScore& one) { return (one.score >= threshold) == above; });
  return stats::BinomialUpperBound(static_cast<size_t>(hits), cases.drawn.size(), confidence);
}

}  // namespace plumb::guard
