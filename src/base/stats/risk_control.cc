#include "base/stats/risk_control.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/stats/distribution.h"

namespace plumb::stats {
namespace {

double JustAbove(double value) { return std::nextafter(value, std::numeric_limits<double>::infinity()); }

}  // namespace

double BinomialUpperBound(size_t events, size_t n, double confidence) {
  if (events >= n) return 1;
  return BetaQuantile(confidence, static_cast<double>(events) + 1, static_cast<double>(n - events));
}

double BinomialLowerBound(size_t events, size_t n, double confidence) {
  if (events == 0 || n == 0) return 0;
  return BetaQuantile(1 - confidence, static_cast<double>(events), static_cast<double>(n - events) + 1);
}

std::optional<size_t> AllowedErrors(size_t n, double rate, double confidence) {
  if (n == 0 || BinomialCdf(0, n, rate) > 1 - confidence) return std::nullopt;
  // The cumulative probability rises with k: bisect for the last k at which it is small enough.
  size_t low = 0, high = n;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    (BinomialCdf(middle, n, rate) <= 1 - confidence ? low : high) = middle;
  }
  return low;
}

size_t SamplesForZeroErrors(double rate, double confidence) {
  // (1 - rate)^n ≤ 1 - confidence; the subtraction guards against a rounding error at exact powers.
  return static_cast<size_t>(std::ceil(std::log(1 - confidence) / std::log1p(-rate) - 1e-9));
}

CatchThreshold ThresholdForCatch(std::vector<double> positives, double catch_rate, double confidence) {
  CatchThreshold out;
  out.n = positives.size();
  const double miss_rate = 1 - catch_rate;
  const size_t needed = SamplesForZeroErrors(miss_rate, confidence);
  out.n_missing = out.n < needed ? needed - out.n : 0;
  if (positives.empty()) return out;
  std::sort(positives.begin(), positives.end());
  const std::optional<size_t> allowed = AllowedErrors(out.n, miss_rate, confidence);
  // At the (k+1)-th smallest score at most k positives fall below; ties only help.
  out.threshold = positives[std::min(allowed.value_or(0), out.n - 1)];
  out.guaranteed = allowed.has_value();
  out.missed = static_cast<size_t>(std::lower_bound(positives.begin(), positives.end(), out.threshold) -
                                   positives.begin());
  out.lower_bound = BinomialLowerBound(out.n - out.missed, out.n, confidence);
  return out;
}

JointCatch ProveJointly(const std::vector<double>& confidences, const std::function<CatchThreshold(size_t, double)>& prove) {
  const auto shared = [&](size_t claim, size_t among) { return 1 - (1 - confidences[claim]) / static_cast<double>(among); };
  JointCatch out;
  std::vector<size_t> missing;
  for (size_t c = 0; c < confidences.size(); ++c) {
    missing.push_back(prove(c, shared(c, confidences.size())).n_missing);
    out.claims += missing.back() == 0;
  }
  for (size_t c = 0; c < confidences.size(); ++c) {
    // What is no claim yet would be one more.
    out.confidences.push_back(shared(c, out.claims + (missing[c] > 0)));
    out.thresholds.push_back(prove(c, out.confidences[c]));
    if (missing[c] == 0) continue;
    out.thresholds[c].guaranteed = false;
    out.thresholds[c].n_missing = missing[c];
  }
  return out;
}

AlarmThreshold JointThresholdForAlarms(std::span<const double> scores, std::span<const double> offsets, double budget,
                                       double confidence) {
  AlarmThreshold out;
  const size_t clauses = offsets.size();
  out.n = clauses == 0 ? 0 : scores.size() / clauses;
  const size_t needed = SamplesForZeroErrors(budget, confidence);
  out.n_missing = out.n < needed ? needed - out.n : 0;
  if (out.n == 0) return out;
  // A text alarms at `shift` where its largest margin over the clauses reaches it.
  std::vector<double> margins(out.n, -std::numeric_limits<double>::infinity());
  for (size_t i = 0; i < out.n; ++i)
    for (size_t c = 0; c < clauses; ++c) margins[i] = std::max(margins[i], scores[i * clauses + c] - offsets[c]);
  std::sort(margins.begin(), margins.end(), std::greater<>());
  const std::optional<size_t> allowed = AllowedErrors(out.n, budget, confidence);
  const size_t k = std::min(allowed.value_or(static_cast<size_t>(budget * static_cast<double>(out.n))), out.n - 1);
  out.shift = JustAbove(margins[k]);
  out.guaranteed = allowed.has_value();
  out.alarms = static_cast<size_t>(std::count_if(margins.begin(), margins.end(), [&](double m) { return m >= out.shift; }));
  out.upper_bound = BinomialUpperBound(out.alarms, out.n, confidence);
  return out;
}

}  // namespace plumb::stats
