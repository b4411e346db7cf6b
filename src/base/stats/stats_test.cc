#include "base/stats/stats.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/core/core.h"

namespace plumb::stats {
namespace {

// What scipy, statsmodels and scikit-learn say (tests/goldens/stats/make_stats.py).
const json::object& Golden() {
  static const json::object golden =
      ReadJson(fs::path(PLUMB_SOURCE_DIR) / "tests/goldens/stats/stats.json").value().as_object();
  return golden;
}

double Number(const json::value& value) { return value.to_number<double>(); }

std::vector<double> Numbers(const char* key) {
  std::vector<double> out;
  for (const json::value& value : Golden().at(key).as_array()) out.push_back(Number(value));
  return out;
}

std::vector<std::vector<double>> Rows(const char* key) {
  std::vector<std::vector<double>> out;
  for (const json::value& row : Golden().at(key).as_array()) {
    out.emplace_back();
    for (const json::value& value : row.as_array()) out.back().push_back(Number(value));
  }
  return out;
}

PairedCounts Counts(const std::vector<double>& row) {
  return {static_cast<int64_t>(row[0]), static_cast<int64_t>(row[1]), static_cast<int64_t>(row[2]),
          static_cast<int64_t>(row[3])};
}

TEST(Proportion, WilsonEqualsStatsmodels) {
  for (const auto& row : Rows("wilson")) {
    const Interval got = Wilson(row[0], row[1], row[2]);
    EXPECT_NEAR(got.low, row[3], 1e-9) << row[0] << "/" << row[1];
    EXPECT_NEAR(got.high, row[4], 1e-9) << row[0] << "/" << row[1];
  }
}

TEST(Proportion, ClopperPearsonEqualsStatsmodels) {
  for (const auto& row : Rows("clopper_pearson")) {
    const Interval got = ClopperPearson(row[0], row[1], row[2]);
    EXPECT_NEAR(got.low, row[3], 1e-9) << row[0] << "/" << row[1];
    EXPECT_NEAR(got.high, row[4], 1e-9) << row[0] << "/" << row[1];
  }
}

TEST(Proportion, ExactBoundMatchesTheCountsTheDesignNames) {
  // Without an error, a 98 % catch at 95 % confidence needs 149 positives, a 1 % false-alarm rate 299 negatives.
  EXPECT_GE(ExactLowerBound(149, 149, 0.95), 0.98);
  EXPECT_LT(ExactLowerBound(148, 148, 0.95), 0.98);
  EXPECT_LE(ExactUpperBound(0, 299, 0.95), 0.01);
  EXPECT_GT(ExactUpperBound(0, 298, 0.95), 0.01);
}

TEST(Proportion, NothingIsKnownWithoutCases) {
  EXPECT_TRUE(std::isnan(Wilson(0, 0).estimate));
  EXPECT_EQ(Wilson(0, 0).low, 0);
  EXPECT_EQ(ClopperPearson(0, 0).high, 1);
}

TEST(Paired, McNemarEqualsStatsmodels) {
  for (const auto& row : Rows("mcnemar")) {
    EXPECT_NEAR(McNemarExact(Counts(row)), row[4], 1e-10);
    EXPECT_NEAR(McNemarMidP(Counts(row)), row[5], 1e-10);
  }
  EXPECT_EQ(McNemarExact({5, 0, 0, 5}), 1);
  EXPECT_EQ(McNemarMidP({5, 0, 0, 5}), 1);
}

TEST(Paired, TangoEqualsTheLikelihoodMaximisedNumerically) {
  for (const auto& row : Rows("tango")) {
    const Interval got = TangoDifference(Counts(row), row[4]);
    EXPECT_NEAR(got.low, row[5], 2e-5);
    EXPECT_NEAR(got.high, row[6], 2e-5);
  }
}

TEST(Paired, NewcombeEqualsHisTable) {
  // Newcombe 1998, Statistics in Medicine 17:2635, tables II and III, method 10: (e, f, g, h) = (36, 12, 2, 0).
  const Interval got = NewcombeDifference({36, 2, 12, 0}, 0.95);
  EXPECT_NEAR(got.estimate, 0.2, 1e-12);
  EXPECT_NEAR(got.low, 0.0569, 1e-3);
  EXPECT_NEAR(got.high, 0.3404, 1e-3);
}

TEST(Paired, IntervalsMirrorWhenTheSidesAreSwapped) {
  const PairedCounts counts{100, 12, 4, 34}, swapped{100, 4, 12, 34};
  for (auto interval : {&TangoDifference, &NewcombeDifference}) {
    const Interval one = interval(counts, 0.95), two = interval(swapped, 0.95);
    EXPECT_NEAR(one.low, -two.high, 1e-9);
    EXPECT_NEAR(one.high, -two.low, 1e-9);
  }
}

TEST(Paired, NonInferiorityNeedsCases) {
  // Equal in all 20 cases is no proof of "no worse than 1.5 points"; equal in 1,000 is.
  EXPECT_FALSE(TestNonInferiority({10, 0, 0, 10}, 0.015).shown);
  EXPECT_TRUE(TestNonInferiority({500, 0, 0, 500}, 0.015).shown);
  const NonInferiority worse = TestNonInferiority({500, 100, 0, 400}, 0.015);
  EXPECT_FALSE(worse.shown);
  EXPECT_TRUE(worse.worse);
  EXPECT_FALSE(TestNonInferiority({}, 0.015).shown);
}

TEST(Paired, NonInferiorityAgreesWithItsInterval) {
  for (int64_t lost = 0; lost < 20; ++lost) {
    const NonInferiority got = TestNonInferiority({200, lost, 6, 94}, 0.03);
    EXPECT_EQ(got.shown, got.difference.low > -0.03) << lost;
  }
}

TEST(Paired, PowerEqualsEnumerationOfEveryTable) {
  for (const auto& row : Rows("power")) EXPECT_NEAR(McNemarPower(row[0], row[1], row[2], row[3]), row[4], 1e-8);
}

TEST(Paired, DetectableDifferenceInvertsPower) {
  const double found = DetectableDifference(300, 0.1);
  EXPECT_GE(McNemarPower(300, 0.1, found + 1e-6), 0.8);
  EXPECT_LT(McNemarPower(300, 0.1, found - 1e-3), 0.8);
  EXPECT_GT(DetectableDifference(50, 0.1), found);
  const int64_t n = PairsNeeded(0.1, found);
  EXPECT_LE(n, 301);
}

TEST(Bootstrap, IntervalsAgreeWithScipy) {
  const std::vector<double> x = Numbers("x");
  const BootstrapOptions options{.draws = 40000, .seed = 3};
  const Interval percentile = BootstrapPercentile(x, Mean, options), bca = BootstrapBca(x, Mean, options);
  const std::vector<double> want = Numbers("boot_percentile"), want_bca = Numbers("boot_bca");
  EXPECT_NEAR(percentile.low, want[0], 0.01);
  EXPECT_NEAR(percentile.high, want[1], 0.01);
  EXPECT_NEAR(bca.low, want_bca[0], 0.01);
  EXPECT_NEAR(bca.high, want_bca[1], 0.01);
}

TEST(Bootstrap, OneSeedOneAnswer) {
  const std::vector<double> x = Numbers("x");
  EXPECT_EQ(BootstrapPercentile(x, Mean).low, BootstrapPercentile(x, Mean).low);
  EXPECT_NE(BootstrapPercentile(x, Mean, {.seed = 1}).low, BootstrapPercentile(x, Mean, {.seed = 2}).low);
}

TEST(Bootstrap, ClusteredErrorEqualsStatsmodels) {
  const std::vector<double> x = Numbers("x");
  std::vector<int64_t> cluster;
  for (double c : Numbers("cluster")) cluster.push_back(c);
  EXPECT_NEAR(StandardError(x), Number(Golden().at("plain_se")), 1e-10);
  EXPECT_NEAR(ClusteredStandardError(x, cluster), Number(Golden().at("clustered_se")), 1e-9);
}

TEST(Bootstrap, CopiesOfOneCaseAreNotMoreEvidence) {
  // Twenty cases, each five times over: the clustered interval is as wide as with twenty.
  std::vector<double> x, copies;
  std::vector<int64_t> own, cluster;
  for (int i = 0; i < 20; ++i) {
    x.push_back(i % 3 == 0);
    own.push_back(i);
    for (int k = 0; k < 5; ++k) {
      copies.push_back(x.back());
      cluster.push_back(i);
    }
  }
  EXPECT_NEAR(ClusteredStandardError(copies, cluster), ClusteredStandardError(x, own), 1e-12);
  const Interval one = ClusteredBootstrapMean(x, own), many = ClusteredBootstrapMean(copies, cluster);
  EXPECT_NEAR(many.high - many.low, one.high - one.low, 1e-9);
  EXPECT_LT(StandardError(copies), 0.6 * ClusteredStandardError(copies, cluster));
}

TEST(Multiplicity, EqualsStatsmodels) {
  const std::vector<double> p = Numbers("p"), holm = HolmAdjust(p), bh = BenjaminiHochbergAdjust(p);
  for (size_t i = 0; i < p.size(); ++i) {
    EXPECT_NEAR(holm[i], Numbers("holm")[i], 1e-12);
    EXPECT_NEAR(bh[i], Numbers("bh")[i], 1e-12);
  }
}

TEST(Correction, RoganGladenUndoesAKnownError) {
  // Se 0.9, Sp 0.8 and a true rate of 0.3 show as 0.41.
  const Interval got = RoganGladen(410, 1000, {900, 1000, 800, 1000});
  EXPECT_NEAR(got.estimate, 0.3, 1e-9);
  EXPECT_LT(got.low, 0.3);
  EXPECT_GT(got.high, 0.3);
  const Interval coin = RoganGladen(50, 100, {50, 100, 50, 100});
  EXPECT_TRUE(std::isnan(coin.estimate));
  EXPECT_EQ(coin.high - coin.low, 1);
}

// The share of simulated studies whose 95 % interval holds the true rate.
double RoganGladenCoverage(double rate, double se, double sp, int n, int labelled, uint64_t seed) {
  Random random(seed);
  const auto draw = [&](double p, int trials) {
    int64_t hits = 0;
    for (int i = 0; i < trials; ++i) hits += random.Uniform() < p;
    return hits;
  };
  int held = 0;
  const int studies = 1500;
  for (int i = 0; i < studies; ++i) {
    const JudgeCalibration judge{draw(se, labelled), labelled, draw(sp, labelled), labelled};
    const Interval got = RoganGladen(draw(rate * se + (1 - rate) * (1 - sp), n), n, judge);
    held += got.low <= rate && rate <= got.high;
  }
  return static_cast<double>(held) / studies;
}

TEST(Correction, RoganGladenCoversWhatItPromises) {
  EXPECT_GE(RoganGladenCoverage(0.05, 0.85, 0.95, 300, 100, 1), 0.94);
  EXPECT_GE(RoganGladenCoverage(0.30, 0.80, 0.90, 300, 60, 2), 0.94);
  EXPECT_GE(RoganGladenCoverage(0.90, 0.95, 0.70, 200, 40, 3), 0.94);
}

TEST(Correction, PpiCoversAndIsNarrowerThanLabelsAlone) {
  Random random(5);
  int held = 0;
  double width = 0, width_labels = 0;
  const int studies = 600;
  for (int s = 0; s < studies; ++s) {
    std::vector<double> label, judged, rest;
    for (int i = 0; i < 1100; ++i) {
      const double truth = random.Uniform() < 0.3, said = random.Uniform() < 0.9 ? truth : 1 - truth;
      if (i < 100) {
        label.push_back(truth);
        judged.push_back(said);
      } else {
        rest.push_back(said);
      }
    }
    const Interval got = PpiMean(label, judged, rest);
    held += got.low <= 0.3 && 0.3 <= got.high;
    width += got.high - got.low;
    width_labels += 2 * TwoSidedZ(0.95) * StandardError(label);
  }
  EXPECT_GE(held, studies * 0.925);
  EXPECT_LT(width, 0.8 * width_labels);
}

TEST(Agreement, KappaEqualsStatsmodels) {
  std::vector<int> a, b;
  for (const json::value& v : Golden().at("raters").as_array()[0].as_array()) a.push_back(v.to_number<int>());
  for (const json::value& v : Golden().at("raters").as_array()[1].as_array()) b.push_back(v.to_number<int>());
  EXPECT_NEAR(CohenKappa(a, b), Number(Golden().at("kappa")), 1e-9);
}

TEST(Agreement, AlphaEqualsKrippendorffsExample) {
  // Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section E: four observers, twelve units.
  const double x = -1;
  const std::vector<std::vector<double>> observers = {{1, 2, 3, 3, 2, 1, 4, 1, 2, x, x, x},
                                                      {1, 2, 3, 3, 2, 2, 4, 1, 2, 5, x, 3},
                                                      {x, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, x},
                                                      {1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, x}};
  std::vector<std::vector<std::optional<double>>> ratings(12, std::vector<std::optional<double>>(4));
  for (int o = 0; o < 4; ++o) {
    for (int u = 0; u < 12; ++u) {
      if (observers[o][u] != x) ratings[u][o] = observers[o][u];
    }
  }
  EXPECT_NEAR(KrippendorffAlpha(ratings, Level::kNominal), 0.743, 5e-4);
  EXPECT_NEAR(KrippendorffAlpha(ratings, Level::kOrdinal), 0.815, 5e-4);
  EXPECT_NEAR(KrippendorffAlpha(ratings, Level::kInterval), 0.849, 5e-4);
}

TEST(Ranking, EqualsScikitLearn) {
  std::vector<bool> y;
  for (double v : Numbers("y")) y.push_back(v > 0);
  EXPECT_NEAR(Auroc(Numbers("s"), y), Number(Golden().at("auroc")), 1e-12);
  EXPECT_NEAR(Auprc(Numbers("s"), y), Number(Golden().at("auprc")), 1e-12);
}

}  // namespace
}  // namespace plumb::stats
