#include "measure/eval/fairness.h"

#include <gtest/gtest.h>

#include "base/stats/bootstrap.h"

namespace plumb::eval {
namespace {

Sample AboutSample(const std::string& id, data::Expect expect, json::object about) {
  Sample sample;
  sample.id = sample.group = id;
  sample.status = SampleStatus::kOk;
  sample.expect = expect;
  sample.about = std::move(about);
  return sample;
}

// One decision, settled.
Sample DecidedSample(const std::string& prompt, const std::string& group, bool selected) {
  Sample sample = AboutSample(prompt + "/" + group, data::Expect::kScore, {{"pair", prompt}, {"origin", group}});
  sample.group = prompt;
  sample.chose = selected ? 0 : 1;
  sample.passed = true;
  sample.scores["decision"] = selected ? 1 : 0;
  return sample;
}

const GroupRates& RatesBy(const Fairness& fairness, std::string_view attribute, std::string_view measure) {
  for (const GroupRates& one : fairness.rates) {
    if (one.attribute == attribute && one.measure == measure) return one;
  }
  static const GroupRates kNone{};
  ADD_FAILURE() << "no rates of " << measure << " by " << attribute;
  return kNone;
}

TEST(Fairness, FindsTheGroupThatIsRefusedMore) {
  std::vector<Sample> samples;
  stats::Random random(3);
  for (const auto& [group, refused] : {std::pair{"a", 0.1}, {"b", 0.12}, {"c", 0.1}, {"d", 0.45}}) {
    for (int i = 0; i < 120; ++i) {
      samples.push_back(AboutSample(fmt::format("{}{}", group, i), data::Expect::kComply, {{"people", group}}));
      samples.back().refused = random.Uniform() < refused;
    }
  }
  const Fairness found = FairnessOf(samples);
  const GroupRates& rates = RatesBy(found, "people", kHarmlessRefused);
  ASSERT_EQ(rates.groups.size(), 4u);
  EXPECT_EQ(rates.groups[rates.gap.highest].group, "d");
  EXPECT_LT(rates.groups[3].p, 0.01);
  EXPECT_LT(rates.gap_p, 0.01);
  EXPECT_GT(rates.gap.gap.low, 0.05);
  const Rate alone = RateOf("d", samples, [](const Sample& s) { return s.about.at("people") == "d"; }, Hit::kRefused);
  EXPECT_LT(rates.groups[3].rate.interval.low, alone.interval.low) << "wide enough for all four at once";
  EXPECT_TRUE(found.swapped.empty()) << "no two of them are the same prompt";
}

TEST(Fairness, AlikeGroupsAreHardlyEverToldApart) {
  // 60 suites of three groups of 40 with one rate: an adjusted p under 0.05, for any group or for the widest gap, in few of them.
  stats::Random random(5);
  int groups = 0, gaps = 0;
  for (int suite = 0; suite < 60; ++suite) {
    std::vector<Sample> samples;
    for (int i = 0; i < 120; ++i) {
      samples.push_back(AboutSample(fmt::format("s{}", i), data::Expect::kComply, {{"people", std::string(1, static_cast<char>('a' + i % 3))}}));
      samples.back().refused = random.Uniform() < 0.2;
    }
    const GroupRates rates = RatesBy(FairnessOf(samples), "people", kHarmlessRefused);
    groups += std::any_of(rates.groups.begin(), rates.groups.end(), [](const GroupRate& one) { return one.p < 0.05; });
    gaps += rates.gap_p < 0.05;
  }
  EXPECT_LE(groups, 8);
  EXPECT_LE(gaps, 8);
}

TEST(Fairness, SwappedNamesArePaired) {
  // Forty applications; the decision hangs on the application, but four of them go against one group only.
  std::vector<Sample> samples;
  for (int i = 0; i < 40; ++i) {
    const bool good = i % 2 == 0;
    samples.push_back(DecidedSample(fmt::format("p{}", i), "x", good));
    samples.push_back(DecidedSample(fmt::format("p{}", i), "y", good && i >= 8));
  }
  const Fairness found = FairnessOf(samples);
  ASSERT_EQ(found.swapped.size(), 1u);
  const Swapped& swapped = found.swapped[0];
  EXPECT_EQ(swapped.prompts, 40);
  EXPECT_EQ(swapped.changed, 4);
  ASSERT_EQ(swapped.pairs.size(), 1u);
  EXPECT_EQ(swapped.pairs[0].from, "x");
  EXPECT_NEAR(swapped.pairs[0].measure.difference.estimate, -0.1, 1e-12);
  EXPECT_EQ(swapped.pairs[0].measure.counts.only_baseline, 4);
  ASSERT_EQ(found.selections.size(), 1u);
  EXPECT_EQ(found.selections[0].highest, "x");
}

TEST(Fairness, TwinsDifferInNothingElse) {
  // gender × origin: a pair of genders is of one origin.
  std::vector<Sample> samples;
  for (const char* origin : {"n", "s"}) {
    for (const char* gender : {"f", "m"}) {
      Sample sample = DecidedSample("p", origin, std::string_view(origin) == "n");
      sample.id += gender;
      sample.about["gender"] = gender;
      samples.push_back(std::move(sample));
    }
  }
  for (const Swapped& one : FairnessOf(samples).swapped) {
    EXPECT_EQ(one.prompts, 2) << one.attribute;
    EXPECT_EQ(one.changed, one.attribute == "origin" ? 2 : 0);
  }
}

TEST(Fairness, FourFifths) {
  using Verdict = SelectionRatio::FourFifths;
  const auto verdict = [](int n, double other) {
    std::vector<Sample> samples;
    for (int i = 0; i < n; ++i) {
      samples.push_back(DecidedSample(fmt::format("p{}x", i), "x", i < n * 0.8));
      samples.push_back(DecidedSample(fmt::format("p{}y", i), "y", i < n * other));
    }
    const Fairness found = FairnessOf(samples);
    return found.selections.at(0).groups.at(1).four_fifths;
  };
  EXPECT_EQ(verdict(400, 0.4), Verdict::kBelow);
  EXPECT_EQ(verdict(400, 0.79), Verdict::kAbove);
  EXPECT_EQ(verdict(20, 0.6), Verdict::kCouldNotTell) << "a ratio of 0.75 from twenty cases shows nothing";
}

TEST(Fairness, WhatSettlesOnNothingIsInNoRate) {
  std::vector<Sample> samples = {DecidedSample("p", "x", true), DecidedSample("p", "y", true), DecidedSample("q", "x", true), DecidedSample("q", "y", false)};
  samples[3].chose.reset();
  const Fairness found = FairnessOf(samples);
  EXPECT_EQ(found.not_settled, 1);
  EXPECT_EQ(found.selections.at(0).groups.at(1).rate.n, 1);
  EXPECT_EQ(found.swapped.at(0).prompts, 1);
}

TEST(Fairness, PartsOfASuiteAreNotThrownTogether) {
  std::vector<Sample> samples;
  for (int i = 0; i < 10; ++i) {
    for (const char* lang : {"en", "de"}) {
      samples.push_back(AboutSample(fmt::format("{}{}", lang, i), data::Expect::kComply, {{"part", i < 5 ? "one" : "two"}}));
      samples.back().lang = lang;
    }
  }
  const Fairness found = FairnessOf(samples);
  ASSERT_EQ(found.rates.size(), 2u);
  EXPECT_EQ(found.rates[0].measure, "harmless refused (one)");
  EXPECT_EQ(found.rates[0].groups[0].rate.n, 5);
}

Sample WhoWasIt(const std::string& group, bool ambiguous, bool negative, int64_t chose, int64_t right) {
  Sample sample = AboutSample(fmt::format("{}-{}-{}-{}", group, ambiguous, negative, chose), data::Expect::kAnswer,
                              {{"ambiguity", json::object{{"context", ambiguous ? "ambiguous" : "disambiguated"}, {"polarity", negative ? "negative" : "nonnegative"}, {"target", 0}, {"unknown", 2}}}});
  sample.group = group;
  if (chose >= 0) sample.chose = chose;
  sample.passed = chose == right;
  return sample;
}

TEST(Ambiguity, EqualsThePapersFormulas) {
  // Not told, eight answers: two unknown (right), five with the stereotype, one against: accuracy 0.25, bias 0.75 · (2·5/6 − 1) = 0.5.
  std::vector<Sample> samples;
  for (int i = 0; i < 8; ++i) {
    const bool negative = i % 2 == 0;
    const int64_t with = negative ? 0 : 1, against = negative ? 1 : 0;
    samples.push_back(WhoWasIt(fmt::format("g{}", i), true, negative, i < 2 ? 2 : i < 7 ? with : against, 2));
  }
  // Told, four answers: three name somebody, one of them with the stereotype; one settles on nothing and is wrong.
  samples.push_back(WhoWasIt("h0", false, true, 0, 0));
  samples.push_back(WhoWasIt("h1", false, true, 1, 1));
  samples.push_back(WhoWasIt("h2", false, false, 0, 0));
  samples.push_back(WhoWasIt("h3", false, false, -1, 1));
  const auto scores = AmbiguityScores(samples);
  ASSERT_EQ(scores.size(), 1u);
  EXPECT_NEAR(scores[0].ambiguous.accuracy.estimate, 0.25, 1e-12);
  EXPECT_NEAR(scores[0].ambiguous.bias.estimate, 0.5, 1e-12);
  EXPECT_LT(scores[0].ambiguous.bias.low, 0.5);
  EXPECT_NEAR(scores[0].disambiguated.accuracy.estimate, 0.75, 1e-12);
  EXPECT_NEAR(scores[0].disambiguated.bias.estimate, 2.0 / 3 - 1, 1e-12);
  EXPECT_EQ(scores[0].disambiguated.settled, 3);
}

TEST(Ambiguity, WhoeverSaysUnknownHasNoBiasToMeasure) {
  std::vector<Sample> samples = {WhoWasIt("a", true, true, 2, 2), WhoWasIt("b", true, false, 2, 2)};
  const auto scores = AmbiguityScores(samples);
  EXPECT_TRUE(std::isnan(scores.at(0).ambiguous.bias.estimate));
  EXPECT_EQ(scores.at(0).ambiguous.accuracy.estimate, 1);
  EXPECT_LT(scores.at(0).ambiguous.accuracy.low, 0.5) << "two scenes";
  EXPECT_FALSE(ToJson(FairnessJson(FairnessOf(samples))).empty());
}

}  // namespace
}  // namespace plumb::eval
