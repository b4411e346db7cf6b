#include "base/stats/agreement.h"

#include <algorithm>
#include <map>

#include "base/stats/interval.h"

namespace plumb::stats {

double CohenKappa(const std::vector<int>& a, const std::vector<int>& b) {
  if (a.empty() || a.size() != b.size()) return kNan;
  std::map<int, double> of_a, of_b;
  double same = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    of_a[a[i]] += 1;
    of_b[b[i]] += 1;
    same += a[i] == b[i];
  }
  const double n = static_cast<double>(a.size());
  double chance = 0;
  for (const auto& [label, count] : of_a) {
    const auto other = of_b.find(label);
    if (other != of_b.end()) chance += count / n * other->second / n;
  }
  return chance < 1 ? (same / n - chance) / (1 - chance) : kNan;
}

double FleissKappa(const std::vector<std::vector<int>>& counts) {
  if (counts.empty() || counts[0].empty()) return kNan;
  int raters = 0;
  for (int count : counts[0]) raters += count;
  if (raters < 2) return kNan;
  std::vector<double> share(counts[0].size());
  double observed = 0;
  for (const std::vector<int>& item : counts) {
    if (item.size() != share.size()) return kNan;
    int here = 0;
    double same = 0;
    for (size_t c = 0; c < item.size(); ++c) {
      here += item[c];
      same += static_cast<double>(item[c]) * (item[c] - 1);
      share[c] += item[c];
    }
    if (here != raters) return kNan;
    observed += same / (raters * (raters - 1.0));
  }
  const double items = static_cast<double>(counts.size());
  double chance = 0;
  for (double count : share) chance += count / (items * raters) * count / (items * raters);
  return chance < 1 ? (observed / items - chance) / (1 - chance) : kNan;
}

double KrippendorffAlpha(const std::vector<std::vector<std::optional<double>>>& ratings, Level level) {
  // The coincidence matrix (Krippendorff 2011): each ordered pair within an item of m ratings weighs 1 / (m − 1).
  std::map<double, std::map<double, double>> pairs;
  std::map<double, double> total;
  double n = 0;
  for (const auto& item : ratings) {
    std::vector<double> values;
    for (const auto& rating : item) {
      if (rating) values.push_back(*rating);
    }
    if (values.size() < 2) continue;
    for (size_t i = 0; i < values.size(); ++i) {
      for (size_t j = 0; j < values.size(); ++j) {
        if (i != j) pairs[values[i]][values[j]] += 1.0 / (values.size() - 1);
      }
      total[values[i]] += 1;
      n += 1;
    }
  }
  if (n == 0) return kNan;
  const auto distance = [&](double c, double k) {
    if (c == k) return 0.0;
    if (level == Level::kNominal) return 1.0;
    if (level == Level::kInterval) return (c - k) * (c - k);
    double between = 0;
    for (const auto& [value, count] : total) {
      if (value >= std::min(c, k) && value <= std::max(c, k)) between += count;
    }
    between -= (total.at(c) + total.at(k)) / 2;
    return between * between;
  };
  double observed = 0, expected = 0;
  for (const auto& [c, row] : pairs) {
    for (const auto& [k, count] : row) observed += count * distance(c, k);
  }
  for (const auto& [c, count_c] : total) {
    for (const auto& [k, count_k] : total) expected += count_c * count_k * distance(c, k);
  }
  return expected > 0 ? 1 - (n - 1) * observed / expected : kNan;
}

}  // namespace plumb::stats
