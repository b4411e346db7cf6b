// Looking at results while they come in: evidence that stays valid however often one looks and whenever one stops.
// Betting against a mean (Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting").
//
// Observations are in [0, 1], in the order in which they came; given the past, each has the same mean. The bets are the
// predictable plug-in ones of their eq. 26, cut so that no bet can lose more than half of the capital.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/stats/interval.h"

namespace plumb::stats {

// An interval for the mean after each observation, holding for all times at once with this confidence (the hedged
// capital process of their theorem 3, both sides sharing the error, intersected over time). `estimate` is the mean so
// far. With `every` > 1 only every so many observations have one, and the last.
std::vector<Interval> BettingConfidenceSequence(const std::vector<double>& x, double confidence = 0.95, size_t every = 1);

enum class Side { kGreater, kLess, kTwoSided };

// What one who bet against H0 has made of a capital of 1: E[value] ≤ 1 under H0 at any stopping time, so 1/value is a
// p-value that may be looked at all the time. H0 for kGreater: mean ≤ null; kLess: mean ≥ null; kTwoSided: mean = null.
// `alpha` only shapes the bets.
struct EProcess {
  double value = 1;     // now
  double largest = 1;   // ever; H0 may be rejected at level 1/largest
  size_t crossed = 0;   // observations after which 1/alpha was first reached; 0: never
};
EProcess BettingEValue(const std::vector<double>& x, double null, Side side, double alpha = 0.05);

// A rate watched while cases come in, one after another without end: evidence that it is above (kGreater) or below (kLess)
// `bound`. At any time E[value] ≤ 1 where the rate of each case, given the past, is not: so that value ≥ 1/alpha is reached
// ever with a chance of at most alpha (Ville). A mixture of fixed bets, so that a case costs a few additions.
class RateWatch {
 public:
  RateWatch(double bound, Side side);
  void Add(bool hit);
  double LogValue() const;

 private:
  static constexpr size_t kBets = 5;
  std::array<double, kBets> capital_{}, if_hit_{}, if_not_{};  // logarithms
};

}  // namespace plumb::stats
