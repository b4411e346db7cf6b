// Rates of a population from a sample that was not drawn evenly.
#pragma once

#include <cstdint>
#include <vector>

#include "base/stats/interval.h"

namespace plumb::stats {

struct Stratum {
  int64_t k = 0, n = 0;  // events among those sampled here
  double weight = 1;     // this stratum's share of the population; weights are normalised
};

// Σ w·k/n. The interval puts the strata's Wilson intervals together by their distances from the estimates (MOVER: Zou &
// Donner 2008), so that a stratum without events still counts as uncertain. A stratum without cases makes it [0, 1]-wide
// there and the estimate NaN.
Interval StratifiedRate(const std::vector<Stratum>& strata, double confidence = 0.95);

// The population's mean of `x` where case i was sampled with probability `probability[i]` (0, 1]: Hájek's ratio estimate
// with its linearised (sandwich) standard error, n/(n−1) in the variance. NaN and [0, 1] without two cases or with a
// probability outside (0, 1].
struct WeightedMean {
  Interval mean;
  double standard_error = 0;
  double effective_n = 0;  // Kish: (Σw)²/Σw²
};
WeightedMean InverseProbabilityMean(const std::vector<double>& x, const std::vector<double>& probability,
                                    double confidence = 0.95);

}  // namespace plumb::stats
