#include "base/stats/correction.h"

#include <algorithm>
#include <cmath>

#include "base/stats/bootstrap.h"
#include "base/stats/distribution.h"

namespace plumb::stats {
namespace {

// Covariance with n − 1.
double Covariance(const std::vector<double>& x, const std::vector<double>& y) {
  const double mx = Mean(x), my = Mean(y);
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - mx) * (y[i] - my);
  return sum / (x.size() - 1);
}

}  // namespace

double JudgeCalibration::sensitivity() const { return positives ? static_cast<double>(hits) / positives : kNan; }
double JudgeCalibration::specificity() const { return negatives ? static_cast<double>(rejections) / negatives : kNan; }

Interval RoganGladen(int64_t k, int64_t n, const JudgeCalibration& judge, double confidence) {
  if (n <= 0 || judge.positives <= 0 || judge.negatives <= 0) return {kNan, 0, 1};
  const double observed = static_cast<double>(k) / n;
  const double youden = judge.sensitivity() + judge.specificity() - 1;
  if (youden <= 0) return {kNan, 0, 1};
  const double estimate = std::clamp((observed + judge.specificity() - 1) / youden, 0.0, 1.0);
  // Lang & Reiczigel 2014: add successes and failures to all three proportions, then a shifted Wald interval.
  const double z = TwoSidedZ(confidence), z2 = z * z;
  const double nn = n + z2, np = judge.positives + 2.0, nm = judge.negatives + 2.0;
  const double p = (k + z2 / 2) / nn, se = (judge.hits + 1) / np, sp = (judge.rejections + 1) / nm;
  const double j = se + sp - 1;
  if (j <= 0) return {kNan, 0, 1};
  const double center = (p + sp - 1) / j;
  const double vse = se * (1 - se) / np, vsp = sp * (1 - sp) / nm;
  const double shift = 2 * z2 * (center * vse - (1 - center) * vsp);
  const double deviation = std::sqrt(p * (1 - p) / nn + center * center * vse + (1 - center) * (1 - center) * vsp) / j;
  const double low = std::clamp(center + shift - z * deviation, 0.0, 1.0);
  const double high = std::clamp(center + shift + z * deviation, 0.0, 1.0);
  return {estimate, std::min(low, estimate), std::max(high, estimate)};
}

Interval PpiMean(const std::vector<double>& label, const std::vector<double>& judged,
                 const std::vector<double>& unlabelled, double confidence, bool tuned) {
  if (label.size() < 2 || unlabelled.size() < 2 || label.size() != judged.size()) return {kNan, 0, 1};
  const double n = static_cast<double>(label.size()), many = static_cast<double>(unlabelled.size());
  double lambda = 1;
  if (tuned) {
    std::vector<double> all = judged;
    all.insert(all.end(), unlabelled.begin(), unlabelled.end());
    const double variance = Covariance(all, all);
    lambda = variance > 0 ? std::clamp(Covariance(label, judged) / ((1 + n / many) * variance), 0.0, 1.0) : 0;
  }
  std::vector<double> rest(label.size());
  for (size_t i = 0; i < rest.size(); ++i) rest[i] = label[i] - lambda * judged[i];
  const double estimate = lambda * Mean(unlabelled) + Mean(rest);
  const double variance = lambda * lambda * Covariance(unlabelled, unlabelled) / many + Covariance(rest, rest) / n;
  const double half = TwoSidedZ(confidence) * std::sqrt(variance);
  return {estimate, estimate - half, estimate + half};
}

}  // namespace plumb::stats
