#include "base/stats/weighted_risk.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

namespace plumb::stats {
namespace {

// Shares of the capital, and how boldly each is bet. All of it on one card proves most where there are no errors.
struct Bettor {
  double share, bet;
};
constexpr std::array<Bettor, 5> kBettors = {{{0.5, 1}, {0.125, 0.75}, {0.125, 0.5}, {0.125, 0.25}, {0.125, 0.1}}};

// The cases of one weight; there are as many weights as ways to be drawn, which are few.
struct WeightGroup {
  double share;                // weight / max_weight
  std::vector<double> scores;  // ascending
};

std::vector<WeightGroup> GroupsOf(std::span<const WeightedScore> cases, double max_weight) {
  std::map<double, std::vector<double>> by_weight;
  for (const WeightedScore& one : cases) by_weight[one.weight / max_weight].push_back(one.score);
  std::vector<WeightGroup> out;
  for (auto& [share, scores] : by_weight) {
    std::sort(scores.begin(), scores.end());
    out.push_back({share, std::move(scores)});
  }
  return out;
}

// Of a group those that score at least `threshold`, or (not `above`) less.
size_t Hits(const WeightGroup& group, double threshold, bool above) {
  const auto below = static_cast<size_t>(std::lower_bound(group.scores.begin(), group.scores.end(), threshold) - group.scores.begin());
  return above ? group.scores.size() - below : below;
}

size_t AllHits(const std::vector<WeightGroup>& groups, double threshold, bool above) {
  size_t out = 0;
  for (const WeightGroup& group : groups) out += Hits(group, threshold, above);
  return out;
}

// The logarithm of E.
double LogEvidence(const std::vector<WeightGroup>& groups, double threshold, bool above, double rate) {
  std::array<double, kBettors.size()> logs{};
  for (const WeightGroup& group : groups) {
    const auto hits = static_cast<double>(Hits(group, threshold, above)), others = static_cast<double>(group.scores.size()) - hits;
    for (size_t b = 0; b < kBettors.size(); ++b) {
      if (hits > 0) logs[b] += hits * std::log1p(kBettors[b].bet * group.share * (rate - 1));
      logs[b] += others * std::log1p(kBettors[b].bet * group.share * rate);
    }
  }
  const double most = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (size_t b = 0; b < kBettors.size(); ++b) sum += kBettors[b].share * std::exp(logs[b] - most);
  return most + std::log(sum);
}

double UpperBoundOf(const std::vector<WeightGroup>& groups, double threshold, bool above, double confidence) {
  const double refuted = -std::log1p(-confidence);
  // The evidence against a rate grows with the rate.
  if (LogEvidence(groups, threshold, above, 1) < refuted) return 1;
  double low = 0, high = 1;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (LogEvidence(groups, threshold, above, middle) >= refuted ? high : low) = middle;
  }
  return high;
}

// Further cases, weighted as these and none of them a hit, without which nothing can be proved; 0 where it can.
size_t Missing(std::span<const WeightedScore> cases, double max_weight, double rate, double confidence) {
  double gained = 0;
  for (const WeightedScore& one : cases) gained += std::log1p(one.weight / max_weight * rate);
  const double needed = -std::log1p(-confidence) - std::log(kBettors[0].share);
  if (gained >= needed) return 0;
  const double each = cases.empty() ? std::log1p(rate) : gained / static_cast<double>(cases.size());
  return static_cast<size_t>(std::ceil((needed - gained) / each));
}

// The score at which `share` of the weight lies below.
double WeightedQuantile(std::span<const WeightedScore> cases, double share) {
  std::vector<WeightedScore> sorted(cases.begin(), cases.end());
  std::sort(sorted.begin(), sorted.end(), [](const WeightedScore& a, const WeightedScore& b) { return a.score < b.score; });
  double total = 0, below = 0;
  for (const WeightedScore& one : sorted) total += one.weight;
  for (const WeightedScore& one : sorted)
    if ((below += one.weight) >= share * total) return one.score;
  return sorted.back().score;
}

}  // namespace

double WeightedUpperBound(std::span<const WeightedScore> cases, double threshold, bool above, double max_weight, double confidence) {
  return UpperBoundOf(GroupsOf(cases, max_weight), threshold, above, confidence);
}

CatchThreshold WeightedThresholdForCatch(std::span<const WeightedScore> positives, double max_weight, double catch_rate, double confidence) {
  CatchThreshold out;
  const double miss_rate = 1 - catch_rate, refuted = -std::log1p(-confidence);
  out.n = positives.size();
  out.n_missing = Missing(positives, max_weight, miss_rate, confidence);
  if (positives.empty()) return out;
  out.threshold = WeightedQuantile(positives, 0);
  const std::vector<WeightGroup> groups = GroupsOf(positives, max_weight);
  for (double threshold = -kScoreLimit; threshold <= kScoreLimit && LogEvidence(groups, threshold, false, miss_rate) >= refuted; threshold += kScoreStep) {
    out.threshold = threshold;
    out.guaranteed = true;
  }
  out.missed = AllHits(groups, out.threshold, false);
  out.lower_bound = 1 - UpperBoundOf(groups, out.threshold, false, confidence);
  return out;
}

AlarmThreshold WeightedThresholdForAlarms(std::span<const WeightedScore> margins, double max_weight, double budget, double confidence) {
  AlarmThreshold out;
  const double refuted = -std::log1p(-confidence);
  out.n = margins.size();
  out.n_missing = Missing(margins, max_weight, budget, confidence);
  if (margins.empty()) return out;
  out.shift = std::nextafter(WeightedQuantile(margins, 1 - budget), std::numeric_limits<double>::infinity());
  const std::vector<WeightGroup> groups = GroupsOf(margins, max_weight);
  for (double shift = kScoreLimit; shift >= -kScoreLimit && LogEvidence(groups, shift, true, budget) >= refuted; shift -= kScoreStep) {
    out.shift = shift;
    out.guaranteed = true;
  }
  out.alarms = AllHits(groups, out.shift, true);
  out.upper_bound = UpperBoundOf(groups, out.shift, true, confidence);
  return out;
}

}  // namespace plumb::stats
