// The statistics of designs: looking early, small samples, uneven sampling, planning, several raters.
#include <gtest/gtest.h>

#include <cmath>

#include "base/core/core.h"
#include "base/stats/stats.h"

namespace plumb::stats {
namespace {

// What statsmodels, scipy, krippendorff and ppi-python say (tests/goldens/stats/make_designs.py).
const json::object& Designs() {
  static const json::object golden =
      ReadJson(fs::path(PLUMB_SOURCE_DIR) / "tests/goldens/stats/designs.json").value().as_object();
  return golden;
}

std::vector<double> List(const json::value& value) {
  std::vector<double> out;
  for (const json::value& one : value.as_array()) out.push_back(one.to_number<double>());
  return out;
}
std::vector<double> DesignNumbers(const char* key) { return List(Designs().at(key)); }
std::vector<std::vector<double>> DesignRows(const char* key) {
  std::vector<std::vector<double>> out;
  for (const json::value& row : Designs().at(key).as_array()) out.push_back(List(row));
  return out;
}

TEST(NonInferiority, PowerEqualsEnumerationOfEveryTable) {
  for (const auto& row : DesignRows("noninferiority_power"))
    EXPECT_NEAR(NonInferiorityPower(row[0], row[1], row[2], row[3], row[4]), row[5], 1e-8) << row[0] << " " << row[1];
}

TEST(NonInferiority, PairsAreTheFewestWithThatPower) {
  const int64_t n = PairsForNonInferiority(0.05, 0.015);
  EXPECT_GE(NonInferiorityPower(n, 0.05, 0, 0.015), 0.8);
  EXPECT_LT(NonInferiorityPower(n / 2, 0.05, 0, 0.015), 0.8);
  EXPECT_GT(PairsForNonInferiority(0.05, 0.01), n);
}

TEST(NonInferiority, TheTestKeepsItsLevel) {
  // At a true drop of exactly the margin, no more than about 5 % are let through.
  for (double psi : {0.06, 0.1, 0.3}) EXPECT_LT(NonInferiorityPower(400, psi, -0.05, 0.05), 0.056) << psi;
  const double drop = CaughtDrop(400, 0.1, 0.05);
  EXPECT_GT(drop, 0.02);
  EXPECT_LT(drop, 0.05);
  EXPECT_NEAR(NonInferiorityPower(400, std::max(0.1, drop), -drop, 0.05), 0.2, 0.01);
}

void ExpectBetting(const std::vector<double>& x, const json::object& want, double confidence, double null) {
  const Interval last = BettingConfidenceSequence(x, confidence).back();
  EXPECT_NEAR(last.low, want.at("low").to_number<double>(), 1e-4);
  EXPECT_NEAR(last.high, want.at("high").to_number<double>(), 1e-4);
  for (const auto& [key, side] : {std::pair{"greater", Side::kGreater}, {"less", Side::kLess}, {"two_sided", Side::kTwoSided}}) {
    const EProcess got = BettingEValue(x, null, side, 1 - confidence);
    const std::vector<double> wanted = List(want.at(key));
    EXPECT_NEAR(got.value, wanted[0], 1e-9 * (1 + wanted[0])) << key;
    EXPECT_NEAR(got.largest, std::max(1.0, wanted[1]), 1e-9 * (1 + wanted[1])) << key;
  }
}

TEST(Sequential, EqualsTheMartingaleOnAGridOfMeans) {
  ExpectBetting(DesignNumbers("bits"), Designs().at("betting").as_object(), 0.95, 0.2);
  ExpectBetting(DesignNumbers("bounded"), Designs().at("betting_bounded").as_object(), 0.9, 0.4);
}

TEST(Sequential, LookingAfterEveryCaseKeepsItsError) {
  // 400 streams of a true rate of 0.1, looked at all the time: the bound may be crossed in 5 % of them at most; a Wald
  // test that is looked at as often errs in far more.
  Random random(4);
  int crossed = 0, missed = 0, naive = 0;
  for (int s = 0; s < 400; ++s) {
    std::vector<double> x;
    double sum = 0;
    bool wald = false;
    for (int i = 0; i < 400; ++i) {
      x.push_back(random.Uniform() < 0.1);
      sum += x.back();
      if (i >= 50 && sum / (i + 1) - 1.645 * std::sqrt(0.09 / (i + 1)) > 0.1) wald = true;
    }
    naive += wald;
    crossed += BettingEValue(x, 0.1, Side::kGreater).crossed > 0;
    bool held = true;
    for (const Interval& at : BettingConfidenceSequence(x, 0.95, 40)) held = held && at.low <= 0.1 && 0.1 <= at.high;
    missed += !held;
  }
  EXPECT_LE(crossed, 20);
  EXPECT_LE(missed, 20);
  EXPECT_GT(naive, 40);
}

TEST(Sequential, ARealDifferenceIsFoundEarly) {
  std::vector<double> x;
  for (int i = 0; i < 400; ++i) x.push_back(i % 2);
  const EProcess got = BettingEValue(x, 0.2, Side::kGreater);
  EXPECT_GT(got.crossed, 5u);
  EXPECT_LT(got.crossed, 80u);
  EXPECT_LE(BettingEValue(x, 0.2, Side::kLess).largest, 1.7);
}

TEST(Agreement, FleissEqualsStatsmodels) {
  std::vector<std::vector<int>> counts;
  for (const auto& row : DesignRows("fleiss_counts")) counts.emplace_back(row.begin(), row.end());
  EXPECT_NEAR(FleissKappa(counts), Designs().at("fleiss").to_number<double>(), 1e-10);
  EXPECT_TRUE(std::isnan(FleissKappa({{3, 0}, {2, 0}})));
  EXPECT_TRUE(std::isnan(FleissKappa({{3, 0}, {3, 0}})));
}

TEST(Agreement, AlphaEqualsThePackage) {
  const json::array& raters = Designs().at("alpha_raters").as_array();
  std::vector<std::vector<std::optional<double>>> ratings(raters[0].as_array().size());
  for (const json::value& rater : raters) {
    for (size_t i = 0; i < ratings.size(); ++i) {
      const json::value& one = rater.as_array()[i];
      ratings[i].push_back(one.is_null() ? std::nullopt : std::optional(one.to_number<double>()));
    }
  }
  const std::vector<double> want = DesignNumbers("alpha");
  EXPECT_NEAR(KrippendorffAlpha(ratings, Level::kNominal), want[0], 1e-9);
  EXPECT_NEAR(KrippendorffAlpha(ratings, Level::kOrdinal), want[1], 1e-9);
  EXPECT_NEAR(KrippendorffAlpha(ratings, Level::kInterval), want[2], 1e-9);
}

TEST(RareEvent, EqualsScipysExactInterval) {
  for (const auto& row : DesignRows("rare")) {
    const RareEvents got = ExtrapolateRate(row[0], row[1], row[2]);
    const double all[] = {got.rate.estimate, got.rate.low, got.rate.high, got.expected.estimate, got.expected.low, got.expected.high,
                          got.at_least_one.estimate, got.at_least_one.low, got.at_least_one.high};
    for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(all[i], row[3 + i], 1e-8 * (1 + row[3 + i])) << i;
  }
  EXPECT_EQ(TrialsWithoutEvent(0.01), 299);
  EXPECT_EQ(TrialsWithoutEvent(0.02), 149);
}

TEST(RareEvent, TheTailsLineEqualsScipys) {
  const TailForecast got = ForecastWorst(DesignNumbers("tail_p"), 1e5);
  const std::vector<double> want = DesignNumbers("tail");
  EXPECT_NEAR(got.slope, want[0], 1e-9);
  EXPECT_NEAR(got.intercept, want[1], 1e-9);
  EXPECT_NEAR(got.r2, want[2], 1e-9);
  EXPECT_NEAR(got.worst, want[3], 1e-9);
  EXPECT_TRUE(std::isnan(ForecastWorst({0.1, 0.1, 0.1, 0.1}, 1000).worst));
}

TEST(Weighting, StratifiedEqualsStatsmodelsIntervalsPutTogether) {
  std::vector<Stratum> strata;
  for (const auto& row : DesignRows("strata")) strata.push_back({static_cast<int64_t>(row[0]), static_cast<int64_t>(row[1]), 100 * row[2]});
  const Interval got = StratifiedRate(strata);
  const std::vector<double> want = DesignNumbers("stratified");
  EXPECT_NEAR(got.estimate, want[0], 1e-12);
  EXPECT_NEAR(got.low, want[1], 1e-10);
  EXPECT_NEAR(got.high, want[2], 1e-10);
  strata.push_back({0, 0, 100});
  EXPECT_TRUE(std::isnan(StratifiedRate(strata).estimate));
  EXPECT_GT(StratifiedRate(strata).high, got.high + 0.1);
}

TEST(Weighting, InverseProbabilityEqualsStatsmodelsWls) {
  const WeightedMean got = InverseProbabilityMean(DesignNumbers("ipw_y"), DesignNumbers("ipw_p"));
  EXPECT_NEAR(got.mean.estimate, DesignNumbers("ipw")[0], 1e-10);
  EXPECT_NEAR(got.standard_error, DesignNumbers("ipw")[1], 1e-10);
  EXPECT_LT(got.effective_n, 120);
  EXPECT_TRUE(std::isnan(InverseProbabilityMean({1, 0}, {0, 1}).mean.estimate));
}

TEST(Correction, RoganGladenEqualsItsPaper) {
  for (const auto& row : DesignRows("rogan_gladen")) {
    const Interval got = RoganGladen(row[0], row[1], {static_cast<int64_t>(row[2]), static_cast<int64_t>(row[3]),
                                                      static_cast<int64_t>(row[4]), static_cast<int64_t>(row[5])}, row[9]);
    EXPECT_NEAR(got.estimate, row[6], 1e-12);
    EXPECT_NEAR(got.low, row[7], 1e-10);
    EXPECT_NEAR(got.high, row[8], 1e-10);
  }
}

TEST(Correction, PpiEqualsPpiPython) {
  for (const auto& [key, tuned] : {std::pair{"ppi_plain", false}, {"ppi_tuned", true}}) {
    const Interval got = PpiMean(DesignNumbers("ppi_label"), DesignNumbers("ppi_judged"), DesignNumbers("ppi_rest"), 0.95, tuned);
    const std::vector<double> want = DesignNumbers(key);
    // ppi-python divides variances by n, ours by n − 1.
    EXPECT_NEAR(got.estimate, want[0], 2e-3) << key;
    EXPECT_NEAR(got.low, want[1], 2e-3) << key;
    EXPECT_NEAR(got.high, want[2], 2e-3) << key;
  }
}

}  // namespace
}  // namespace plumb::stats
