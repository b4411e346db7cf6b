#include "base/stats/change_point.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace plumb::stats {
namespace {

// -2 log likelihood of a binomial segment at its own best rate, without the coefficient that no cut changes.
double SegmentCost(const Count& all) {
  const double misses = all.n - all.hits;
  double log_likelihood = 0;
  if (all.hits > 0) log_likelihood += all.hits * std::log(all.hits / all.n);
  if (misses > 0) log_likelihood += misses * std::log(misses / all.n);
  return -2 * log_likelihood;
}

}  // namespace

std::vector<size_t> ChangePoints(const std::vector<Count>& series, double penalty) {
  std::vector<size_t> place;  // of each count that says something
  std::vector<Count> sums = {{}};
  for (size_t i = 0; i < series.size(); ++i) {
    if (!(series[i].n > 0)) continue;
    place.push_back(i);
    sums.push_back({sums.back().hits + series[i].hits, sums.back().n + series[i].n});
  }
  const auto cost = [&](size_t from, size_t to) { return SegmentCost({sums[to].hits - sums[from].hits, sums[to].n - sums[from].n}); };
  const size_t count = place.size();
  std::vector<double> best(count + 1, -penalty);
  std::vector<size_t> cut(count + 1, 0);
  std::vector<size_t> open = {0};  // where the last segment may begin
  for (size_t to = 1; to <= count; ++to) {
    best[to] = std::numeric_limits<double>::infinity();
    for (size_t from : open) {
      const double total = best[from] + cost(from, to) + penalty;
      if (total < best[to]) {
        best[to] = total;
        cut[to] = from;
      }
    }
    // What is beaten by more than a cut costs stays beaten (Theorem 3.1, K = 0).
    std::erase_if(open, [&](size_t from) { return best[from] + cost(from, to) > best[to] + 1e-9; });
    open.push_back(to);
  }
  std::vector<size_t> out;
  for (size_t at = count; at > 0 && cut[at] > 0; at = cut[at]) out.push_back(place[cut[at]]);
  std::ranges::reverse(out);
  return out;
}

double BicPenalty(const std::vector<Count>& series) {
  double cases = 0, counts = 0;
  for (const Count& one : series) {
    cases += one.n;
    counts += one.n > 0;
  }
  return std::log(std::max(cases, 1.0)) + std::log(std::max(counts, 1.0));
}

}  // namespace plumb::stats
