// The arithmetic of over-optimisation: curves, intervals, and how often an alarm is false.
#include "model/train/goodhart.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/train/random.h"

namespace plumb::train {
namespace {

double Normal(Random& random) {
  return std::sqrt(-2 * std::log(1 - random.Uniform())) * std::cos(2 * M_PI * random.Uniform());
}

// A run of `checks` checks over 64 prompts whose true means are given by check; a prompt keeps its own
// level through the run, as with fixed seeds, and each check has noise of its own.
struct MadeRun {
  std::vector<GoodhartReading> readings;
  int64_t best = -1;
  size_t first_alarm = 0;  // checks; 0: none
  std::vector<std::string> kinds;

  MadeRun(uint64_t seed, size_t checks, const std::function<double(double)>& proxy,
          const std::function<double(double)>& gold, GoodhartOptions options = {}) {
    Random random(seed);
    std::vector<double> level(64);
    for (double& v : level) v = Normal(random);
    options.planned = static_cast<int64_t>(checks);
    GoodhartMonitor monitor(options);
    for (size_t k = 0; k < checks; ++k) {
      const double t = static_cast<double>(k) / static_cast<double>(checks - 1);
      GoodhartCheck c{.at = static_cast<int64_t>(k), .kl = 25 * t * t};
      for (double v : level) {
        c.proxy.push_back(v + proxy(t) + 0.7 * Normal(random));
        c.gold.push_back(v + gold(t) + 0.7 * Normal(random));
      }
      readings.push_back(monitor.Add(std::move(c)));
      for (const auto& alarm : readings.back().alarms) kinds.push_back(alarm.kind);
      if (!first_alarm && !readings.back().alarms.empty()) first_alarm = k + 1;
    }
    best = monitor.best();
  }
};

// Alarms of a run of 20 checks in which the sway over 26 questions goes to `last` nats, each check's noise 0.3 of the deviation
// between questions.
bool SwayAlarm(uint64_t seed, double last) {
  Random random(seed);
  std::vector<double> level(26);
  for (double& v : level) v = Normal(random);
  GoodhartMonitor monitor({.planned = 20});
  for (int k = 0; k < 20; ++k) {
    GoodhartCheck c{.at = k};
    for (double v : level) {
      c.sway.push_back(v + last * k / 19 + 0.3 * Normal(random));
      c.agreement += (c.sway.back() > 0) / 26.0;
    }
    const auto reading = monitor.Add(std::move(c));
    if (!reading.alarms.empty()) return reading.alarms[0].kind == "sycophancy";
  }
  return false;
}

double Rising(double t) { return 2 * t; }
double FlatLine(double) { return 0; }
double Hump(double t) { return 4 * t * (1 - t) - 0.8 * t; }  // up to the middle, then down

TEST(Goodhart, OpinionsThatComeToSwayAnswersAreSeen) {
  size_t still = 0, swayed = 0;
  for (uint64_t i = 0; i < 500; ++i) still += SwayAlarm(i + 1, 0);
  for (uint64_t i = 0; i < 100; ++i) swayed += SwayAlarm(i + 9000, 0.6);
  std::printf("sycophancy: %zu of 500 runs in which nothing changes, %zu of 100 that end 0.6 deviations higher\n", still, swayed);
  EXPECT_LE(still, 25u);
  EXPECT_GE(swayed, 95u);
}

TEST(Goodhart, ARunWhoseGoldDoesNotFallRaisesFewFalseAlarms) {
  size_t flat = 0, rising = 0;
  for (size_t i = 0; i < 1000; ++i) flat += MadeRun(i + 1, 20, Rising, FlatLine).first_alarm > 0;
  for (size_t i = 0; i < 200; ++i)
    rising += MadeRun(i + 5000, 20, Rising, [](double t) { return t; }).first_alarm > 0;
  std::printf("false alarms: %zu of 1000 runs with a flat gold, %zu of 200 with a rising one\n", flat,
              rising);
  EXPECT_LE(flat, 50u);
  EXPECT_LE(rising, 2u);
}

TEST(Goodhart, ARewardThatIsGamedIsFound) {
  size_t found = 0, early = 0, runs = 100;
  for (size_t i = 0; i < runs; ++i) {
    const MadeRun run(i + 1, 20, Rising, Hump);
    found += run.first_alarm > 0;
    early += run.first_alarm > 0 && run.first_alarm <= 16;  // t < 0.8
    EXPECT_LT(run.best, 16) << i;
  }
  std::printf("found in %zu of %zu gamed runs, before the gold is below its start in %zu\n", found,
              runs, early);
  EXPECT_GE(found, runs * 95 / 100);
}

TEST(Goodhart, AGoldThatFallsWithTheProxyIsNoGap) {
  const auto falling = [](double t) { return -2 * t; };
  EXPECT_EQ(MadeRun(3, 20, falling, falling).first_alarm, 0u);  // learning fails: another story
}

TEST(Goodhart, AKlBeyondItsBudgetIsAnAlarm) {
  const MadeRun run(3, 11, Rising, Rising, {.kl_budget = 10});
  EXPECT_EQ(run.first_alarm, 8u);  // 25 · 0.7²
  EXPECT_EQ(run.kinds.front(), "kl");
  EXPECT_EQ(run.best, 6);
}

TEST(Goodhart, TheCurvesAreThoseOfGao) {
  for (const GaoCurve curve : {GaoCurve::kTrained, GaoCurve::kBestOfN}) {
    std::vector<GaoPoint> points;
    for (double kl = 0.5; kl < 30; kl += 1.5) {
      const double d = std::sqrt(kl);
      const double bend = curve == GaoCurve::kTrained ? std::log(d) : d;
      points.push_back({kl, d * (1.2 - 0.4 * bend)});
    }
    const GaoFit fit = FitGao(curve, points);
    ASSERT_TRUE(fit.bends);
    EXPECT_NEAR(fit.alpha, 1.2, 1e-9);
    EXPECT_NEAR(fit.beta, 0.4, 1e-9);
    // d/dd of d (α − β log d) is 0 at e^(α/β − 1) = e²; of d (α − β d) at α / 2β = 1.5.
    EXPECT_NEAR(fit.peak_kl, curve == GaoCurve::kTrained ? std::exp(4) : 2.25, 1e-6);
    EXPECT_NEAR(fit.peak_gain, curve == GaoCurve::kTrained ? 0.4 * std::exp(2) : 0.9, 1e-6);
  }
}

TEST(Goodhart, ACurveThatOnlyRisesHasNoPeak) {
  std::vector<GaoPoint> points;
  Random random(4);
  for (double kl = 0.5; kl < 20; ++kl)
    points.push_back({kl, std::sqrt(kl) + 0.1 * Normal(random)});
  EXPECT_FALSE(FitGao(GaoCurve::kTrained, points).bends);
  EXPECT_FALSE(FitGao(GaoCurve::kTrained, std::span(points).first(2)).known);
}

TEST(Goodhart, ThePredictedPeakStopsWhereAskedTo) {
  const auto gao = [](double t) { const double d = 5 * t; return d > 0 ? d * (1 - 0.6 * std::log(d)) : 0; };
  size_t stopped = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const MadeRun run(seed, 20, Rising, gao, {.stop_at_peak = true});
    for (const auto& kind : run.kinds)
      if (kind == "peak") {
        ++stopped;
        break;
      }
  }
  EXPECT_GE(stopped, 18u);
}

TEST(Goodhart, WhatWasSeenSurvivesAnInterruption) {
  GoodhartMonitor whole({.planned = 3}), first({.planned = 3}), second({.planned = 3});
  const auto check = [](int64_t at) {
    GoodhartCheck c{.at = at, .kl = static_cast<double>(at), .length = 7};
    for (int i = 0; i < 12; ++i) {
      c.proxy.push_back(static_cast<double>(at + i % 3));
      c.gold.push_back(i == 5 ? NAN : static_cast<double>((i * at) % 4 - 5 * at));
    }
    return c;
  };
  for (int64_t at : {0, 1}) whole.Add(check(at)), first.Add(check(at));
  ASSERT_TRUE(second.SetState(ParseJson(ToJson(first.State()))->as_object()));
  const auto a = whole.Add(check(2)), b = second.Add(check(2));
  EXPECT_EQ(a.gold.low, b.gold.low);
  ASSERT_EQ(a.alarms.size(), 1u);
  EXPECT_EQ(a.alarms[0].why, b.alarms[0].why);
  EXPECT_EQ(whole.best(), second.best());
}

TEST(Goodhart, BestOfNIsTheMeanOverAllSubsets) {
  const std::vector<double> proxy = {3, 1, 2, 5}, gold = {10, 20, 30, 40};
  EXPECT_NEAR(BestOfNMean(proxy, gold, 1), 25, 1e-9);
  // Of the six pairs the better by proxy: 3>1, 3>2, 5, 5, 5, 2>1.
  EXPECT_NEAR(BestOfNMean(proxy, gold, 2), (10 + 10 + 40 * 3 + 30) / 6.0, 1e-9);
  EXPECT_NEAR(BestOfNMean(proxy, gold, 4), 40, 1e-9);
  const std::vector<double> alike = {1, 1, 1, 1};
  EXPECT_NEAR(BestOfNMean(alike, gold, 3), 25, 1e-9);
  EXPECT_TRUE(std::isnan(BestOfNMean(proxy, gold, 5)));
}

}  // namespace
}  // namespace plumb::train
