#include "base/stats/change_point.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/stats/bootstrap.h"

namespace plumb::stats {
namespace {

using Cuts = std::vector<size_t>;

double LogLikelihood(double hits, double n) {
  const double p = hits / n;
  return (hits > 0 ? hits * std::log(p) : 0) + (hits < n ? (n - hits) * std::log(1 - p) : 0);
}

// The same minimum by trying all 2^(T-1) ways to cut.
Cuts TryAll(const std::vector<Count>& series, double penalty) {
  double best = std::numeric_limits<double>::infinity();
  Cuts cuts;
  for (unsigned ways = 0; ways < 1u << (series.size() - 1); ++ways) {
    Cuts now;
    double total = 0;
    Count segment = series[0];
    for (size_t i = 1; i < series.size(); ++i) {
      if (ways >> (i - 1) & 1) {
        total += penalty - 2 * LogLikelihood(segment.hits, segment.n);
        segment = {};
        now.push_back(i);
      }
      segment = {segment.hits + series[i].hits, segment.n + series[i].n};
    }
    total -= 2 * LogLikelihood(segment.hits, segment.n);
    if (total < best - 1e-9) {
      best = total;
      cuts = now;
    }
  }
  return cuts;
}

std::vector<Count> Draw(Random& random, const std::vector<double>& rates, int n) {
  std::vector<Count> out;
  for (double rate : rates) {
    Count one{0, static_cast<double>(n)};
    for (int i = 0; i < n; ++i) one.hits += random.Uniform() < rate;
    out.push_back(one);
  }
  return out;
}

TEST(ChangePoints, IsTheBestOfAllWaysToCut) {
  Random random(7);
  int cut = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<double> rates;
    double rate = random.Uniform();
    for (int i = 0; i < 9; ++i) {
      if (random.Uniform() < 0.25) rate = random.Uniform();
      rates.push_back(rate);
    }
    const auto series = Draw(random, rates, 25);
    const double penalty = 1 + 8 * random.Uniform();
    const Cuts found = ChangePoints(series, penalty);
    EXPECT_EQ(found, TryAll(series, penalty)) << round;
    cut += !found.empty();
  }
  EXPECT_GT(cut, 100);
}

TEST(ChangePoints, FindsADropWhereItIs) {
  std::vector<Count> series(12, {85, 100});
  for (size_t i = 7; i < 12; ++i) series[i] = {60, 100};
  EXPECT_EQ(ChangePoints(series, BicPenalty(series)), Cuts{7});
  for (size_t i = 10; i < 12; ++i) series[i] = {97, 100};
  EXPECT_EQ(ChangePoints(series, BicPenalty(series)), (Cuts{7, 10}));
}

TEST(ChangePoints, SeldomFindsWhatIsNotThere) {
  Random random(3);
  int false_alarms = 0;
  for (int round = 0; round < 400; ++round) {
    const auto series = Draw(random, std::vector<double>(30, 0.8), 100);
    false_alarms += !ChangePoints(series, BicPenalty(series)).empty();
  }
  EXPECT_LE(false_alarms, 20) << "5 % of 400 series without a change";
}

TEST(ChangePoints, SeesTenPointsInThreeHundredCases) {
  Random random(5);
  int seen = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<double> rates(20, 0.85);
    for (size_t i = 15; i < rates.size(); ++i) rates[i] = 0.75;
    const auto series = Draw(random, rates, 300);
    const Cuts found = ChangePoints(series, BicPenalty(series));
    seen += found.size() == 1 && found[0] >= 14 && found[0] <= 16;
  }
  EXPECT_GE(seen, 90);
}

TEST(ChangePoints, EmptyRunsSayNothing) {
  EXPECT_TRUE(ChangePoints({}, 3).empty());
  EXPECT_TRUE(ChangePoints({{0, 0}, {0, 0}}, 3).empty());
  std::vector<Count> series = {{90, 100}, {0, 0}, {90, 100}, {0, 0}, {20, 100}, {20, 100}};
  EXPECT_EQ(ChangePoints(series, BicPenalty(series)), Cuts{4});
}

TEST(ChangePoints, RatesOfNoneAndAllAreRates) {
  std::vector<Count> series = {{0, 40}, {0, 40}, {40, 40}, {40, 40}};
  EXPECT_EQ(ChangePoints(series, BicPenalty(series)), Cuts{2});
}

}  // namespace
}  // namespace plumb::stats
