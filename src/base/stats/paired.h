// Two systems on the same cases. Differences are always candidate − baseline.
#pragma once

#include <cstdint>
#include <vector>

#include "base/stats/interval.h"

namespace plumb::stats {

// How many cases each of the two passed.
struct PairedCounts {
  int64_t both = 0;
  int64_t only_baseline = 0;   // the candidate lost these
  int64_t only_candidate = 0;  // the candidate gained these
  int64_t neither = 0;

  int64_t n() const { return both + only_baseline + only_candidate + neither; }
  int64_t discordant() const { return only_baseline + only_candidate; }
  double difference() const;  // NaN without cases
};

// The two vectors are of one length; element i of each is the same case.
PairedCounts CountPairs(const std::vector<bool>& baseline, const std::vector<bool>& candidate);

// Two-sided McNemar tests of "no difference" (McNemar 1947; mid-p: Fagerland, Lydersen & Laake 2013). 1 without
// discordant pairs.
double McNemarExact(const PairedCounts& counts);
double McNemarMidP(const PairedCounts& counts);

// Intervals for the difference of two paired rates: Newcombe's square-and-add (1998, method 10) and Tango's score
// interval (1998), which is the one decisions use.
Interval NewcombeDifference(const PairedCounts& counts, double confidence = 0.95);
Interval TangoDifference(const PairedCounts& counts, double confidence = 0.95);

// Is the candidate no worse than the baseline by `margin` or more? Tango's score test of H0: difference ≤ −margin.
struct NonInferiority {
  Interval difference;  // two-sided, at 1 − 2·alpha, so that `low` is the bound the test uses
  double p = 1;
  bool shown = false;   // p < alpha: no worse, at this margin
  bool worse = false;   // high < −margin: worse by more than the margin
};
NonInferiority TestNonInferiority(const PairedCounts& counts, double margin, double alpha = 0.05);

// The power of the two-sided exact McNemar test with n pairs of which a share `discordant` disagree, when the true
// difference is `difference` (|difference| ≤ discordant).
double McNemarPower(int64_t n, double discordant, double difference, double alpha = 0.05);

// The smallest true difference this many pairs would have found with this power, given the share of pairs that
// disagree (never taken smaller than the difference itself). 1 where even the largest would not be found.
double DetectableDifference(int64_t n, double discordant, double power = 0.8, double alpha = 0.05);

// Pairs needed to find `difference` with this power.
int64_t PairsNeeded(double discordant, double difference, double power = 0.8, double alpha = 0.05);

// The power of TestNonInferiority at this margin with n pairs of which a share `discordant` disagree, when the true
// difference is `difference`; exact, over every pair of discordant counts.
double NonInferiorityPower(int64_t n, double discordant, double difference, double margin, double alpha = 0.05);

// Pairs needed to show non-inferiority with this power where the two are equal.
int64_t PairsForNonInferiority(double discordant, double margin, double power = 0.8, double alpha = 0.05);

// The smallest true drop (as a positive number) that is kept out with this power: such a candidate, and any worse one, shows
// non-inferiority with probability at most 1 − power. Under the margin, where alpha < 1 − power; 0 where even an equal one is.
double CaughtDrop(int64_t n, double discordant, double margin, double power = 0.8, double alpha = 0.05);

}  // namespace plumb::stats
