#include "base/stats/proportion.h"

#include <algorithm>
#include <cmath>

#include "base/stats/distribution.h"

namespace plumb::stats {
namespace {

}  // namespace

Interval Wilson(int64_t k, int64_t n, double confidence) {
  if (n <= 0) return {kNan, 0, 1};
  const double z = TwoSidedZ(confidence), count = static_cast<double>(n);
  const double p = k / count;
  const double center = (p + z * z / (2 * count)) / (1 + z * z / count);
  const double half = z / (1 + z * z / count) * std::sqrt(p * (1 - p) / count + z * z / (4 * count * count));
  // At k = 0 and k = n the limit is exactly 0 or 1; rounding must not move it past the estimate.
  return {p, k == 0 ? 0 : std::max(0.0, center - half), k == n ? 1 : std::min(1.0, center + half)};
}

Interval ClopperPearson(int64_t k, int64_t n, double confidence) {
  if (n <= 0) return {kNan, 0, 1};
  const double one_sided = 0.5 + confidence / 2;
  return {static_cast<double>(k) / n, ExactLowerBound(k, n, one_sided), ExactUpperBound(k, n, one_sided)};
}

double ExactLowerBound(int64_t k, int64_t n, double confidence) {
  return n <= 0 || k <= 0 ? 0 : BetaQuantile(1 - confidence, k, n - k + 1.0);
}

double ExactUpperBound(int64_t k, int64_t n, double confidence) {
  return n <= 0 || k >= n ? 1 : BetaQuantile(confidence, k + 1.0, n - k);
}

}  // namespace plumb::stats
