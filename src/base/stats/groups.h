// Rates of several groups beside one another: differences, ratios, and the widest gap.
#pragma once

#include <cstdint>
#include <vector>

#include "base/stats/interval.h"

namespace plumb::stats {

// k of n, of one group.
struct Tally {
  int64_t k = 0, n = 0;
};

// The difference a − b of the rates of two independent groups (Newcombe 1998, hybrid score: his method 10). [-1, 1] without cases.
Interval RateDifference(const Tally& a, const Tally& b, double confidence = 0.95);

// The ratio a / b of the rates of two independent groups, by the score of Koopman (1984). Not below 0; `high` is infinite where
// the data exclude no ratio above, the estimate where b has no event, and NaN where neither has one.
Interval RateRatio(const Tally& a, const Tally& b, double confidence = 0.95);

// The widest gap between any two groups' rates. The interval puts together the intervals of all differences at a confidence that
// holds for all of them at once (Bonferroni), so that choosing the widest after looking does not make it too narrow.
struct WidestGap {
  size_t highest = 0, lowest = 0;  // of the groups that have cases
  Interval gap;
};
WidestGap WidestGapOf(const std::vector<Tally>& groups, double confidence = 0.95);

// Observations, each of a group 0 … groups − 1 and of a cluster.
struct Grouped {
  std::vector<double> value;
  std::vector<int> group;
  std::vector<int64_t> cluster;
};

// Permutation tests of "the group does not matter": p of the widest gap, and for each group of its distance from all others together.
// Where a cluster has members of several groups (one prompt, several names), labels change places within it; where each has
// one, whole clusters change theirs. 1 where there are no two groups to compare.
struct GapTest {
  double gap = 0;
  double p = 1;
  std::vector<double> group_p;  // not adjusted
};
GapTest PermutationGap(const Grouped& observations, int groups, int draws = 4999, uint64_t seed = 1);

}  // namespace plumb::stats
