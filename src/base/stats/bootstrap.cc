#include "base/stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/stats/distribution.h"

namespace plumb::stats {
namespace {

std::vector<double> Resampled(const std::vector<double>& x, const Statistic& statistic, const BootstrapOptions& options) {
  Random random(options.seed);
  std::vector<double> draw(x.size()), values(options.draws);
  for (double& value : values) {
    for (double& element : draw) element = x[random.Below(x.size())];
    value = statistic(draw);
  }
  std::sort(values.begin(), values.end());
  return values;
}

// Linear interpolation between order statistics (type 7), `sorted` not empty.
double Quantile(const std::vector<double>& sorted, double p) {
  const double at = std::clamp(p, 0.0, 1.0) * (sorted.size() - 1);
  const size_t low = static_cast<size_t>(at), high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

struct Cluster {
  double sum = 0;
  double count = 0;
};

std::vector<Cluster> Gather(const std::vector<double>& x, const std::vector<int64_t>& cluster) {
  std::map<int64_t, size_t> index;
  std::vector<Cluster> out;
  for (size_t i = 0; i < x.size(); ++i) {
    const auto [at, fresh] = index.try_emplace(cluster[i], out.size());
    if (fresh) out.emplace_back();
    out[at->second].sum += x[i];
    out[at->second].count += 1;
  }
  return out;
}

}  // namespace

uint64_t Random::Next() {
  uint64_t z = state_ += 0x9E3779B97F4A7C15ull;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ z >> 27) * 0x94D049BB133111EBull;
  return z ^ z >> 31;
}

uint64_t Random::Below(uint64_t n) { return static_cast<uint64_t>(static_cast<unsigned __int128>(Next()) * n >> 64); }

double Random::Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

Interval BootstrapPercentile(const std::vector<double>& x, const Statistic& statistic, const BootstrapOptions& options) {
  if (x.empty()) return {kNan, 0, 1};
  const std::vector<double> values = Resampled(x, statistic, options);
  const double tail = (1 - options.confidence) / 2;
  return {statistic(x), Quantile(values, tail), Quantile(values, 1 - tail)};
}

Interval BootstrapBca(const std::vector<double>& x, const Statistic& statistic, const BootstrapOptions& options) {
  if (x.size() < 2) return BootstrapPercentile(x, statistic, options);
  const std::vector<double> values = Resampled(x, statistic, options);
  const double estimate = statistic(x);
  // Bias correction: where the estimate lies among the draws (ties count half).
  double below = 0;
  for (double value : values) below += value < estimate ? 1 : value == estimate ? 0.5 : 0;
  const double z0 = NormalQuantile(std::clamp(below / values.size(), 0.5 / values.size(), 1 - 0.5 / values.size()));
  // Acceleration from the jackknife.
  std::vector<double> left, jack;
  for (size_t i = 0; i < x.size(); ++i) {
    left = x;
    left.erase(left.begin() + i);
    jack.push_back(statistic(left));
  }
  const double mean = Mean(jack);
  double squares = 0, cubes = 0;
  for (double value : jack) {
    squares += (mean - value) * (mean - value);
    cubes += (mean - value) * (mean - value) * (mean - value);
  }
  const double acceleration = squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
  const auto adjusted = [&](double p) {
    const double z = z0 + NormalQuantile(p);
    return NormalCdf(z0 + z / (1 - acceleration * z));
  };
  const double tail = (1 - options.confidence) / 2;
  return {estimate, Quantile(values, adjusted(tail)), Quantile(values, adjusted(1 - tail))};
}

Interval ClusteredBootstrap(const std::vector<int64_t>& cluster, const std::function<double(const std::vector<size_t>&)>& statistic,
                            const BootstrapOptions& options) {
  std::map<int64_t, std::vector<size_t>> members;
  for (size_t i = 0; i < cluster.size(); ++i) members[cluster[i]].push_back(i);
  std::vector<const std::vector<size_t>*> clusters;
  std::vector<size_t> all;
  for (const auto& [id, indices] : members) {
    clusters.push_back(&indices);
    all.insert(all.end(), indices.begin(), indices.end());
  }
  const double estimate = all.empty() ? kNan : statistic(all);
  if (std::isnan(estimate)) return {kNan, kNan, kNan};
  Random random(options.seed);
  std::vector<double> values;
  std::vector<size_t> draw;
  for (int i = 0; i < options.draws; ++i) {
    draw.clear();
    for (size_t k = 0; k < clusters.size(); ++k) {
      const std::vector<size_t>& one = *clusters[random.Below(clusters.size())];
      draw.insert(draw.end(), one.begin(), one.end());
    }
    if (const double value = statistic(draw); !std::isnan(value)) values.push_back(value);
  }
  if (values.empty()) return {estimate, kNan, kNan};
  std::sort(values.begin(), values.end());
  const double tail = (1 - options.confidence) / 2;
  return {estimate, Quantile(values, tail), Quantile(values, 1 - tail)};
}

Interval ClusteredBootstrapMean(const std::vector<double>& x, const std::vector<int64_t>& cluster,
                                const BootstrapOptions& options) {
  if (x.empty()) return {kNan, 0, 1};
  const std::vector<Cluster> clusters = Gather(x, cluster);
  Random random(options.seed);
  std::vector<double> values(options.draws);
  for (double& value : values) {
    Cluster total;
    for (size_t i = 0; i < clusters.size(); ++i) {
      const Cluster& drawn = clusters[random.Below(clusters.size())];
      total.sum += drawn.sum;
      total.count += drawn.count;
    }
    value = total.sum / total.count;
  }
  std::sort(values.begin(), values.end());
  const double tail = (1 - options.confidence) / 2;
  return {Mean(x), Quantile(values, tail), Quantile(values, 1 - tail)};
}

double Mean(const std::vector<double>& x) {
  if (x.empty()) return kNan;
  double sum = 0;
  for (double value : x) sum += value;
  return sum / x.size();
}

double StandardError(const std::vector<double>& x) {
  if (x.size() < 2) return kNan;
  const double mean = Mean(x);
  double squares = 0;
  for (double value : x) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (x.size() - 1) / x.size());
}

double ClusteredStandardError(const std::vector<double>& x, const std::vector<int64_t>& cluster) {
  const std::vector<Cluster> clusters = Gather(x, cluster);
  if (clusters.size() < 2) return kNan;
  const double mean = Mean(x), groups = static_cast<double>(clusters.size());
  double squares = 0;
  for (const Cluster& one : clusters) {
    const double residual = one.sum - one.count * mean;
    squares += residual * residual;
  }
  return std::sqrt(squares * groups / (groups - 1)) / x.size();
}

Interval ClusteredMean(const std::vector<double>& x, const std::vector<int64_t>& cluster, double confidence) {
  const double mean = Mean(x), half = TwoSidedZ(confidence) * ClusteredStandardError(x, cluster);
  return {mean, mean - half, mean + half};
}

}  // namespace plumb::stats
