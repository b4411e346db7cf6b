#include "base/stats/pass_at_k.h"

#include "base/stats/bootstrap.h"
#include "base/stats/proportion.h"

namespace plumb::stats {

double PassAtK(int64_t n, int64_t c, int64_t k) {
  if (k < 1 || n < k) return kNan;
  double none = 1;  // C(n − c, k)/C(n, k) as a product, so that nothing overflows
  for (int64_t i = n - c + 1; i <= n; ++i) none *= i <= k ? 0 : 1 - static_cast<double>(k) / static_cast<double>(i);
  return 1 - none;
}

Interval MeanPassAtK(const std::vector<Tally>& tasks, int64_t k) {
  std::vector<double> each;
  for (const Tally& task : tasks) each.push_back(PassAtK(task.n, task.k, k));
  Interval out = BootstrapPercentile(each, Mean);
  // All alike, the bootstrap has no width; there the tasks themselves are what is known.
  if (!each.empty() && out.low == out.high && (out.estimate == 0 || out.estimate == 1)) {
    const auto count = static_cast<int64_t>(each.size());
    out = Wilson(out.estimate == 1 ? count : 0, count);
  }
  return out;
}

}  // namespace plumb::stats
