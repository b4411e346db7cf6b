#include "base/stats/confidence.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/stats/bootstrap.h"
#include "base/stats/proportion.h"
#include "base/stats/ranking.h"

namespace plumb::stats {
namespace {

// The mean is of what is there: no answers, no mean.
double MeanRight(const std::vector<bool>& right) {
  return right.empty() ? kNan : static_cast<double>(std::count(right.begin(), right.end(), true)) / static_cast<double>(right.size());
}

}  // namespace

std::vector<ReliabilityBin> ReliabilityBins(const Confidences& in, int bins) {
  const size_t n = in.confidence.size();
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return in.confidence[a] < in.confidence[b]; });
  std::vector<ReliabilityBin> out;
  for (size_t from = 0; from < n;) {
    // To the end of the bin that this answer's rank lies in, and on over equal confidences.
    const size_t bin = from * bins / n;
    size_t to = from;
    while (to < n && (to * bins / n == bin || in.confidence[order[to]] == in.confidence[order[to - 1]])) ++to;
    ReliabilityBin one{.n = static_cast<int64_t>(to - from), .low = in.confidence[order[from]], .high = in.confidence[order[to - 1]], .accuracy = {}};
    for (; from < to; ++from) {
      one.right += in.right[order[from]];
      one.confidence += in.confidence[order[from]] / static_cast<double>(one.n);
    }
    one.accuracy = Wilson(one.right, one.n);
    out.push_back(one);
  }
  return out;
}

double BrierScore(const Confidences& in) {
  double sum = 0;
  for (size_t i = 0; i < in.confidence.size(); ++i) sum += (in.confidence[i] - in.right[i]) * (in.confidence[i] - in.right[i]);
  return in.confidence.empty() ? kNan : sum / static_cast<double>(in.confidence.size());
}

double ExpectedCalibrationError(const Confidences& in, int bins) {
  if (in.confidence.empty()) return kNan;
  double error = 0;
  for (const ReliabilityBin& bin : ReliabilityBins(in, bins))
    error += static_cast<double>(bin.n) * std::abs(bin.accuracy.estimate - bin.confidence);
  return error / static_cast<double>(in.confidence.size());
}

EceUnderCalibration EceIfCalibrated(const Confidences& in, int bins, int draws, uint64_t seed) {
  if (in.confidence.empty()) return {};
  const double seen = ExpectedCalibrationError(in, bins);
  Random random(seed);
  Confidences drawn = in;
  std::vector<double> errors;
  for (int draw = 0; draw < draws; ++draw) {
    for (size_t i = 0; i < in.confidence.size(); ++i) drawn.right[i] = random.Uniform() < in.confidence[i];
    errors.push_back(ExpectedCalibrationError(drawn, bins));
  }
  std::sort(errors.begin(), errors.end());
  const auto reached = errors.end() - std::lower_bound(errors.begin(), errors.end(), seen - 1e-12);
  return {.mean = Mean(errors), .high = errors[static_cast<size_t>(0.95 * (draws - 1))], .p = (1 + static_cast<double>(reached)) / (1 + draws)};
}

ConfidenceQuality QualityOf(const Confidences& in, int bins, int draws, uint64_t seed) {
  ConfidenceQuality out;
  out.n = static_cast<int64_t>(in.confidence.size());
  if (out.n == 0) return out;
  out.accuracy = MeanRight(in.right);
  out.confidence = Mean(in.confidence);
  const BootstrapOptions options{.draws = draws, .seed = seed};
  const auto over = [&](const std::function<double(const Confidences&)>& statistic) {
    return ClusteredBootstrap(in.cluster, [&](const std::vector<size_t>& chosen) {
      Confidences part;
      for (size_t i : chosen) {
        part.confidence.push_back(in.confidence[i]);
        part.right.push_back(in.right[i]);
      }
      return statistic(part);
    }, options);
  };
  out.overconfidence = over([](const Confidences& c) { return Mean(c.confidence) - MeanRight(c.right); });
  out.brier = over(BrierScore);
  out.ece = over([bins](const Confidences& c) { return ExpectedCalibrationError(c, bins); });
  out.auroc = over([](const Confidences& c) { return Auroc(c.confidence, c.right); });
  out.null = EceIfCalibrated(in, bins, draws, seed);
  return out;
}

}  // namespace plumb::stats
