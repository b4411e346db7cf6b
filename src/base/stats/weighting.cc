#include "base/stats/weighting.h"

#include <algorithm>
#include <cmath>

#include "base/stats/distribution.h"
#include "base/stats/proportion.h"

namespace plumb::stats {

Interval StratifiedRate(const std::vector<Stratum>& strata, double confidence) {
  double total = 0;
  for (const Stratum& one : strata) total += one.weight;
  if (strata.empty() || !(total > 0)) return {kNan, 0, 1};
  double estimate = 0, below = 0, above = 0;
  bool known = true;
  for (const Stratum& one : strata) {
    const double share = one.weight / total;
    Interval rate = Wilson(one.k, one.n, confidence);
    if (one.n <= 0) {
      rate.estimate = 0.5;
      known = false;
    }
    estimate += share * rate.estimate;
    below += share * share * (rate.estimate - rate.low) * (rate.estimate - rate.low);
    above += share * share * (rate.high - rate.estimate) * (rate.high - rate.estimate);
  }
  return {known ? estimate : kNan, std::max(0.0, estimate - std::sqrt(below)), std::min(1.0, estimate + std::sqrt(above))};
}

WeightedMean InverseProbabilityMean(const std::vector<double>& x, const std::vector<double>& probability, double confidence) {
  const WeightedMean nothing{{kNan, 0, 1}, kNan, 0};
  if (x.size() < 2 || x.size() != probability.size()) return nothing;
  double sum = 0, weights = 0, squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!(probability[i] > 0) || probability[i] > 1) return nothing;
    const double w = 1 / probability[i];
    sum += w * x[i];
    weights += w;
    squares += w * w;
  }
  const double mean = sum / weights, n = static_cast<double>(x.size());
  double residuals = 0;
  for (size_t i = 0; i < x.size(); ++i) residuals += (x[i] - mean) * (x[i] - mean) / (probability[i] * probability[i]);
  const double error = std::sqrt(residuals * n / (n - 1)) / weights, half = TwoSidedZ(confidence) * error;
  return {{mean, mean - half, mean + half}, error, weights * weights / squares};
}

}  // namespace plumb::stats
