#include "base/stats/groups.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "base/stats/bootstrap.h"
#include "base/stats/distribution.h"
#include "base/stats/proportion.h"

namespace plumb::stats {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

// The rate of b under a = ratio · b: Koopman's restricted maximum of the likelihood, the smaller root of its quadratic.
double RestrictedRate(const Tally& a, const Tally& b, double ratio) {
  const double n = static_cast<double>(a.n + b.n);
  const double second = static_cast<double>(a.k + b.n) + ratio * static_cast<double>(a.n + b.k);
  return (second - std::sqrt(std::max(0.0, second * second - 4 * ratio * n * static_cast<double>(a.k + b.k)))) / (2 * ratio * n);
}

// The chi-square with which the data speak against this ratio.
double RatioScore(const Tally& a, const Tally& b, double ratio) {
  const double pb = RestrictedRate(a, b, ratio), pa = ratio * pb;
  const auto part = [](const Tally& share, double p) {
    const double expected = static_cast<double>(share.n) * p, distance = static_cast<double>(share.k) - expected;
    if (distance == 0) return 0.0;
    const double variance = expected * (1 - p);
    return variance > 0 ? distance * distance / variance : kInfinite;
  };
  return part(a, pa) + part(b, pb);
}

// Where the score reaches `limit` between a log ratio at which it is under and one at which it is over.
double RatioAt(const Tally& a, const Tally& b, double inside, double outside, double limit) {
  for (int i = 0; i < 200; ++i) {
    const double middle = (inside + outside) / 2;
    (RatioScore(a, b, std::exp(middle)) <= limit ? inside : outside) = middle;
  }
  return std::exp((inside + outside) / 2);
}

double RateOrNan(const Tally& share) { return share.n > 0 ? static_cast<double>(share.k) / static_cast<double>(share.n) : kNan; }

// Which labels may change places: members of one cluster where any has several groups, else whole clusters.
class Shuffler {
 public:
  explicit Shuffler(const Grouped& in) : labels_(in.group) {
    std::map<int64_t, std::vector<size_t>> clusters;
    for (size_t i = 0; i < in.group.size(); ++i) clusters[in.cluster[i]].push_back(i);
    for (const auto& [id, members] : clusters) {
      (void)id;
      crossed_ = crossed_ || std::any_of(members.begin(), members.end(), [&](size_t i) { return in.group[i] != in.group[members.front()]; });
      members_.push_back(members);
    }
  }

  const std::vector<int>& Next(Random& random) {
    if (crossed_) {
      for (const auto& members : members_) {
        for (size_t i = members.size(); i > 1; --i) std::swap(labels_[members[i - 1]], labels_[members[random.Below(i)]]);
      }
      return labels_;
    }
    std::vector<int> of(members_.size());
    for (size_t c = 0; c < of.size(); ++c) of[c] = labels_[members_[c].front()];
    for (size_t i = of.size(); i > 1; --i) std::swap(of[i - 1], of[random.Below(i)]);
    for (size_t c = 0; c < of.size(); ++c) {
      for (size_t i : members_[c]) labels_[i] = of[c];
    }
    return labels_;
  }

 private:
  std::vector<int> labels_;
  std::vector<std::vector<size_t>> members_;
  bool crossed_ = false;
};

struct Gaps {
  double widest = 0;
  std::vector<double> from_others;
};

Gaps GapsOf(const std::vector<double>& value, const std::vector<int>& group, int groups) {
  std::vector<double> sum(groups), count(groups);
  for (size_t i = 0; i < value.size(); ++i) {
    sum[group[i]] += value[i];
    count[group[i]] += 1;
  }
  const double all = std::accumulate(sum.begin(), sum.end(), 0.0), n = static_cast<double>(value.size());
  double low = kInfinite, high = -kInfinite;
  Gaps out;
  for (int g = 0; g < groups; ++g) {
    if (count[g] == 0) {
      out.from_others.push_back(0);
      continue;
    }
    low = std::min(low, sum[g] / count[g]);
    high = std::max(high, sum[g] / count[g]);
    out.from_others.push_back(count[g] < n ? std::abs(sum[g] / count[g] - (all - sum[g]) / (n - count[g])) : 0);
  }
  out.widest = high > low ? high - low : 0;
  return out;
}

}  // namespace

Interval RateDifference(const Tally& a, const Tally& b, double confidence) {
  const Interval one = Wilson(a.k, a.n, confidence), other = Wilson(b.k, b.n, confidence);
  if (a.n <= 0 || b.n <= 0) return {kNan, -1, 1};
  const double difference = one.estimate - other.estimate;
  return {difference, difference - std::hypot(one.estimate - one.low, other.high - other.estimate),
          difference + std::hypot(one.high - one.estimate, other.estimate - other.low)};
}

Interval RateRatio(const Tally& a, const Tally& b, double confidence) {
  if (a.n <= 0 || b.n <= 0 || (a.k == 0 && b.k == 0)) return {kNan, 0, kInfinite};
  const double z = TwoSidedZ(confidence), limit = z * z;
  const double estimate = b.k > 0 ? RateOrNan(a) / RateOrNan(b) : kInfinite;
  // The score is 0 at the estimate and grows on both sides; where an event count is 0, the estimate itself lies at the edge.
  constexpr double kWidest = 60;
  const double inside = a.k == 0 ? -kWidest : b.k == 0 ? kWidest : std::log(estimate);
  return {estimate, a.k == 0 ? 0 : RatioAt(a, b, inside, -kWidest, limit), b.k == 0 ? kInfinite : RatioAt(a, b, inside, kWidest, limit)};
}

WidestGap WidestGapOf(const std::vector<Tally>& groups, double confidence) {
  WidestGap out{.gap = {kNan, 0, 1}};
  std::vector<size_t> there;
  for (size_t g = 0; g < groups.size(); ++g) {
    if (groups[g].n > 0) there.push_back(g);
  }
  if (there.size() < 2) return out;
  const auto rate = [&](size_t a, size_t b) { return RateOrNan(groups[a]) < RateOrNan(groups[b]); };
  out.highest = *std::max_element(there.begin(), there.end(), rate);
  out.lowest = *std::min_element(there.begin(), there.end(), rate);
  const double pairs = static_cast<double>(there.size() * (there.size() - 1) / 2);
  out.gap = {RateOrNan(groups[out.highest]) - RateOrNan(groups[out.lowest]), 0, 0};
  for (size_t i = 0; i < there.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      const Interval one = RateDifference(groups[there[i]], groups[there[k]], 1 - (1 - confidence) / pairs);
      out.gap.low = std::max({out.gap.low, one.low, -one.high});
      out.gap.high = std::max({out.gap.high, one.high, -one.low});
    }
  }
  return out;
}

GapTest PermutationGap(const Grouped& in, int groups, int draws, uint64_t seed) {
  const Gaps seen = GapsOf(in.value, in.group, groups);
  GapTest out{.gap = seen.widest, .p = 1, .group_p = std::vector<double>(groups, 1.0)};
  if (std::adjacent_find(in.group.begin(), in.group.end(), std::not_equal_to<>()) == in.group.end()) return out;
  constexpr double kEqual = 1e-12;  // sums in another order are the same gap
  Shuffler shuffler(in);
  Random random(seed);
  int64_t wider = 0;
  std::vector<int64_t> farther(groups);
  for (int draw = 0; draw < draws; ++draw) {
    const Gaps drawn = GapsOf(in.value, shuffler.Next(random), groups);
    wider += drawn.widest >= seen.widest - kEqual;
    for (int g = 0; g < groups; ++g) farther[g] += drawn.from_others[g] >= seen.from_others[g] - kEqual;
  }
  out.p = (1 + static_cast<double>(wider)) / (1 + draws);
  for (int g = 0; g < groups; ++g) out.group_p[g] = (1 + static_cast<double>(farther[g])) / (1 + draws);
  return out;
}

}  // namespace plumb::stats
