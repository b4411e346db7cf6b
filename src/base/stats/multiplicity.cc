#include "base/stats/multiplicity.h"

#include <algorithm>
#include <numeric>

namespace plumb::stats {
namespace {

std::vector<size_t> Order(const std::vector<double>& p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  return order;
}

}  // namespace

std::vector<double> HolmAdjust(const std::vector<double>& p) {
  const std::vector<size_t> order = Order(p);
  std::vector<double> out(p.size());
  double running = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    running = std::max(running, std::min(1.0, p[order[rank]] * static_cast<double>(p.size() - rank)));
    out[order[rank]] = running;
  }
  return out;
}

std::vector<double> BenjaminiHochbergAdjust(const std::vector<double>& p) {
  const std::vector<size_t> order = Order(p);
  std::vector<double> out(p.size());
  double running = 1;
  for (size_t rank = order.size(); rank-- > 0;) {
    running = std::min(running, p[order[rank]] * static_cast<double>(p.size()) / static_cast<double>(rank + 1));
    out[order[rank]] = running;
  }
  return out;
}

}  // namespace plumb::stats
