// Intervals by resampling, and standard errors that know which observations belong together.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/stats/interval.h"

namespace plumb::stats {

// A small seeded generator (SplitMix64) whose draws are the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  uint64_t Below(uint64_t n);  // uniform in [0, n), n > 0
  double Uniform();            // [0, 1)

 private:
  uint64_t state_;
};

using Statistic = std::function<double(const std::vector<double>&)>;

struct BootstrapOptions {
  int draws = 2000;
  uint64_t seed = 1;
  double confidence = 0.95;
};

// Percentile and bias-corrected accelerated intervals (Efron 1987) of a statistic of independent observations.
Interval BootstrapPercentile(const std::vector<double>& x, const Statistic& statistic, const BootstrapOptions& = {});
Interval BootstrapBca(const std::vector<double>& x, const Statistic& statistic, const BootstrapOptions& = {});

// The mean, resampling whole clusters: observations with one value of `cluster` belong together.
Interval ClusteredBootstrapMean(const std::vector<double>& x, const std::vector<int64_t>& cluster,
                                const BootstrapOptions& = {});

// Any statistic of the observations with these indices, resampling whole clusters; observation i is of cluster[i]. Draws for which
// it is NaN are left out.
Interval ClusteredBootstrap(const std::vector<int64_t>& cluster, const std::function<double(const std::vector<size_t>&)>& statistic,
                            const BootstrapOptions& = {});

double Mean(const std::vector<double>& x);
// Standard error of the mean of independent observations (n − 1 in the variance).
double StandardError(const std::vector<double>& x);
// Clustered (Liang–Zeger, CR1: factor G/(G−1)); equals StandardError where every cluster has one member. NaN with
// fewer than two clusters.
double ClusteredStandardError(const std::vector<double>& x, const std::vector<int64_t>& cluster);
// mean ± z · clustered standard error.
Interval ClusteredMean(const std::vector<double>& x, const std::vector<int64_t>& cluster, double confidence = 0.95);

}  // namespace plumb::stats
