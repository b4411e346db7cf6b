// Advantages and losses as numbers: against definitions, differences, and bandits whose best policy
// is known in closed form.
#include "model/train/advantages.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/core/core.h"
#include "model/train/policy_loss.h"
#include "model/train/random.h"

namespace plumb::train {
namespace {

TEST(Advantages, AGroupIsMeasuredAgainstItself) {
  const std::vector<double> rewards = {1, 3, 2, 2};
  const GroupAdvantages group = RelativeToGroup(rewards, 2, "group");
  EXPECT_NEAR(group.advantages[0], -1 / (std::sqrt(2) + 1e-4), 1e-12);
  EXPECT_EQ(group.advantages[2], 0);
  EXPECT_EQ(group.fraction_zero_deviation, 0.5);
  EXPECT_EQ(RelativeToGroup(rewards, 2, "none").advantages[1], 1);
  EXPECT_NEAR(RelativeToGroup(rewards, 2, "batch").advantages[1], 1 / (std::sqrt(2.0 / 3) + 1e-4),
              1e-12);
}

TEST(Advantages, WhatNobodyCouldScoreTeachesNothing) {
  const GroupAdvantages group = RelativeToGroup(std::vector<double>{1, NAN, 3}, 3, "group");
  EXPECT_EQ(group.advantages[1], 0);
  EXPECT_NEAR(group.advantages[2], 1 / (std::sqrt(2) + 1e-4), 1e-12);
  const GroupAdvantages loo = LeaveOneOut(std::vector<double>{1, NAN, NAN}, 3, false);
  EXPECT_EQ(loo.advantages, (std::vector<double>{0, 0, 0}));  // alone, there is nothing to beat
}

TEST(Advantages, LeaveOneOutIsTheRewardLessTheOthersMean) {
  const std::vector<double> rewards = {1, 2, 6};
  EXPECT_EQ(LeaveOneOut(rewards, 3, false).advantages, (std::vector<double>{-3, -1.5, 4.5}));
}

// Σ (γλ)^k δ, summed out.
TEST(Advantages, GaeIsTheSumOfItsDifferences) {
  const std::vector<double> r = {0.5, -1, 2}, v = {1, 0.5, -0.25};
  const double gamma = 0.9, lam = 0.8;
  const double d0 = r[0] + gamma * v[1] - v[0], d1 = r[1] + gamma * v[2] - v[1], d2 = r[2] - v[2];
  const auto a = Gae(r, v, gamma, lam);
  EXPECT_NEAR(a[0], d0 + gamma * lam * d1 + gamma * gamma * lam * lam * d2, 1e-12);
  EXPECT_NEAR(a[2], d2, 1e-12);
  // λ = 1, γ = 1: the return less the value.
  EXPECT_NEAR(Gae(r, v, 1, 1)[0], 1.5 - 1, 1e-12);
}

TEST(Advantages, WhiteningRewardsKeepsTheirMean) {
  std::vector<double> values = {1, 2, 6}, scaled = values;
  Whiten(values, true);
  EXPECT_NEAR(MeanOf(values).mean, 0, 1e-12);
  EXPECT_NEAR(MeanOf(values).deviation, 1, 1e-6);
  Whiten(scaled, false);
  EXPECT_NEAR(MeanOf(scaled).mean, 3, 1e-12);
  EXPECT_NEAR(MeanOf(scaled).deviation, 1, 1e-6);
}

TEST(Advantages, TheKlWeightIsSteered) {
  KlController steady(0.1, 0, 100), steered(0.1, 2, 100);
  steady.Update(50, 10);
  EXPECT_EQ(steady.coefficient(), 0.1);
  steered.Update(50, 10);  // far too much: at most a fifth of 10 / 100 more
  EXPECT_NEAR(steered.coefficient(), 0.1 * 1.02, 1e-12);
  steered.Set(0.1);
  steered.Update(1.9, 10);
  EXPECT_NEAR(steered.coefficient(), 0.1 * (1 - 0.05 * 0.1), 1e-12);
}

TEST(Advantages, TheScoreStandsAtTheLastTokenAndTheKlAtEach) {
  const std::vector<double> logp = {-1, -2}, reference = {-1.5, -1};
  EXPECT_EQ(PenalisedRewards(logp, reference, 0.1, false, 3), (std::vector<double>{-0.05, 3.1}));
  const auto k3 = PenalisedRewards(logp, reference, 0.1, true, 0);
  EXPECT_LT(k3[0], 0);
  EXPECT_LT(k3[1], 0);  // k3 is never negative
}

struct Tokens {
  std::vector<double> logp, old, reference, advantages, values, old_values, returns;
  explicit Tokens(uint64_t seed) {
    Random random(seed);
    const auto draw = [&](double centre, double width) {
      return centre + width * (2 * random.Uniform() - 1);
    };
    for (int t = 0; t < 5; ++t) {
      logp.push_back(draw(-2, 1));
      old.push_back(logp.back() + draw(0, 0.6));
      reference.push_back(logp.back() + draw(0, 0.8));
      advantages.push_back(draw(0, 2));
      values.push_back(draw(0, 1));
      old_values.push_back(values.back() + draw(0, 0.4));
      returns.push_back(draw(0, 2));
    }
  }
  Rollout View(double advantage) const {
    return {logp, old, reference, advantage, 0.8, advantages, values, old_values, returns};
  }
};

TEST(PolicyLoss, EverySlopeIsTheDerivative) {
  for (const char* type : {"grpo", "bnpo", "dr_grpo", "dapo", "cispo", "rloo", "ppo"})
    for (const bool sequence : {false, true})
      for (const double delta : {0.0, 1.4})
        for (const double advantage : {1.3, -0.7}) {
          PolicyOptions o{.loss_type = type,
                          .epsilon_low = 0.21,
                          .epsilon_high = 0.23,
                          .delta = delta,
                          .beta = 0.15,
                          .sequence_level = sequence};
          const PolicyScale scale{3, 11, 7};
          const Tokens tokens(5 + (advantage > 0));
          const auto loss = [&](const Tokens& t, std::vector<double>* slope,
                                std::vector<double>* value) {
            PolicySums sums;
            std::vector<double> s(5), v(5);
            AddRollout(o, scale, t.View(advantage), sums, s, v);
            if (slope) *slope = s, *value = v;
            return sums.loss;
          };
          std::vector<double> slope, value;
          loss(tokens, &slope, &value);
          // cispo's weight is held still when it is differentiated.
          if (std::string(type) == "cispo") continue;
          for (int t = 0; t < 5; ++t) {
            Tokens up = tokens, down = tokens;
            up.logp[t] += 1e-6;
            down.logp[t] -= 1e-6;
            EXPECT_NEAR(slope[t],
                        (loss(up, nullptr, nullptr) - loss(down, nullptr, nullptr)) / 2e-6, 1e-6)
                << type << " " << sequence << " " << delta << " " << advantage << " " << t;
            if (std::string(type) != "ppo") continue;
            up = down = tokens;
            up.values[t] += 1e-6;
            down.values[t] -= 1e-6;
            EXPECT_NEAR(value[t],
                        (loss(up, nullptr, nullptr) - loss(down, nullptr, nullptr)) / 2e-6, 1e-6);
          }
        }
}

std::vector<double> Flat(const json::value& v) {
  std::vector<double> out;
  if (!v.is_array()) return {v.to_number<double>()};
  for (const auto& item : v.as_array())
    for (double x : Flat(item)) out.push_back(x);
  return out;
}

// TRL's PPOTrainer, as long as it had one (tests/goldens/train/make_ppo_goldens.py).
TEST(Ppo, AgreesWithTrlsTrainer) {
  auto read = ReadJson(fs::path(PLUMB_SOURCE_DIR) / "tests/goldens/train/ppo.json");
  ASSERT_TRUE(read) << read.error().Text();
  const json::object& g = read->as_object();
  const auto all = [&](const char* name) { return Flat(g.at(name)); };
  const auto one = [&](const char* name) { return g.at(name).to_number<double>(); };
  const auto logp = all("logprobs"), ref = all("ref_logprobs"), values = all("values"),
             scores = all("scores"), now = all("new_logprobs"), new_values = all("new_values");
  const size_t rows = scores.size(), tokens = logp.size() / rows;
  const auto row = [&](const std::vector<double>& v, size_t i) {
    return std::span(v).subspan(i * tokens, tokens);
  };
  const auto expect = [](const std::vector<double>& mine, const std::vector<double>& wanted,
                         const char* name) {
    ASSERT_EQ(mine.size(), wanted.size());
    for (size_t i = 0; i < mine.size(); ++i)
      EXPECT_NEAR(mine[i], wanted[i], 1e-9) << name << " " << i;
  };
  std::vector<double> rewards, advantages, returns;
  for (size_t i = 0; i < rows; ++i)
    for (double r : PenalisedRewards(row(logp, i), row(ref, i), one("kl_coef"), false, scores[i]))
      rewards.push_back(r);
  Whiten(rewards, false);
  expect(rewards, all("white_rewards"), "rewards");
  for (size_t i = 0; i < rows; ++i)
    for (double a : Gae(row(rewards, i), row(values, i), one("gamma"), one("lam")))
      advantages.push_back(a);
  expect(advantages, all("advantages"), "advantages");
  for (size_t i = 0; i < advantages.size(); ++i) returns.push_back(advantages[i] + values[i]);
  expect(returns, all("returns"), "returns");
  Whiten(advantages, true);
  expect(advantages, all("white_advantages"), "whitened");

  const PolicyOptions o{.loss_type = "ppo",
                        .epsilon_low = one("cliprange"),
                        .epsilon_high = one("cliprange"),
                        .cliprange_value = one("cliprange_value"),
                        .vf_coef = one("vf_coef")};
  PolicySums sums;
  std::vector<double> slope(logp.size()), value_slope(logp.size());
  for (size_t i = 0; i < rows; ++i) {
    const Rollout r{.logp = row(now, i),
                    .old = row(logp, i),
                    .advantages = row(advantages, i),
                    .values = row(new_values, i),
                    .old_values = row(values, i),
                    .returns = row(returns, i)};
    AddRollout(o, {.tokens = static_cast<double>(logp.size())}, r, sums,
               std::span(slope).subspan(i * tokens, tokens),
               std::span(value_slope).subspan(i * tokens, tokens));
  }
  EXPECT_NEAR(sums.loss, one("loss"), 1e-9);
  EXPECT_NEAR(sums.policy_loss, one("pg_loss"), 1e-9);
  EXPECT_NEAR(sums.value_loss, one("vf_loss"), 1e-9);
  EXPECT_NEAR(sums.value_clipped / sums.tokens, one("vf_clipfrac"), 1e-9);
  EXPECT_NEAR(sums.approx_kl / sums.tokens, one("approxkl"), 1e-9);
  expect(slope, all("d_logprobs"), "slopes");
  expect(value_slope, all("d_values"), "value slopes");
}

// Beyond the clip there is nothing more to gain, and so no slope; back towards it there is.
TEST(PolicyLoss, TheRatioIsClippedWhereItWouldGain) {
  for (const char* type : {"dapo", "rloo", "ppo"}) {
    const auto slope = [&](double ratio, double advantage) {
      const double logp = std::log(ratio), old = 0, value = 0;
      double out = 0, value_slope = 0;
      PolicySums sums;
      Rollout r{.logp = {&logp, 1}, .old = {&old, 1}, .advantage = advantage};
      r.advantages = {&advantage, 1};
      r.values = r.old_values = r.returns = {&value, 1};
      AddRollout({.loss_type = type}, {}, r, sums, {&out, 1}, {&value_slope, 1});
      return out;
    };
    EXPECT_EQ(slope(1.3, 1), 0) << type;
    EXPECT_EQ(slope(0.7, -1), 0) << type;
    EXPECT_NEAR(slope(1.3, -1), 1.3, 1e-12) << type;
    EXPECT_NEAR(slope(0.7, 1), -0.7, 1e-12) << type;
    EXPECT_NEAR(slope(1.1, 1), -1.1, 1e-12) << type;
  }
}

TEST(PolicyLoss, AValueMayNotRunAway) {
  const auto value_slope = [](double value, double old_value, double returned) {
    const double logp = 0, advantage = 0;
    double slope = 0, out = 0;
    PolicySums sums;
    Rollout r{.logp = {&logp, 1}, .old = {&logp, 1}};
    r.advantages = {&advantage, 1};
    r.values = {&value, 1};
    r.old_values = {&old_value, 1};
    r.returns = {&returned, 1};
    AddRollout({.loss_type = "ppo", .cliprange_value = 0.2, .vf_coef = 1}, {}, r, sums, {&slope, 1},
               {&out, 1});
    return out;
  };
  EXPECT_EQ(value_slope(0.5, 0, 1), 0);              // on its way, and beyond the clip already
  EXPECT_NEAR(value_slope(0.1, 0, 1), -0.9, 1e-12);  // within it
  EXPECT_NEAR(value_slope(1.5, 0, 1), 0, 1e-12);     // past it by less than the clipped value lacks
  EXPECT_NEAR(value_slope(2.5, 0, 1), 1.5, 1e-12);   // past it by more
}

// A policy over four arms, its parameters the logits themselves.
struct Bandit {
  std::vector<double> reward = {0.2, 1.0, 0.5, -0.3}, start = {0.4, -0.3, 0.1, 0.0}, logits = start;

  static std::vector<double> Logp(const std::vector<double>& x) {
    double sum = 0;
    for (double v : x) sum += std::exp(v);
    std::vector<double> out;
    for (double v : x) out.push_back(v - std::log(sum));
    return out;
  }
  // π* ∝ π₀ · e^(r / β), the policy that maximises reward less β · KL.
  std::vector<double> Best(double beta) const {
    std::vector<double> x;
    for (size_t k = 0; k < 4; ++k) x.push_back(start[k] + reward[k] / beta);
    return Logp(x);
  }
  size_t Draw(const std::vector<double>& logp, Random& random) const {
    double u = random.Uniform();
    for (size_t k = 0; k < 3; ++k)
      if ((u -= std::exp(logp[k])) < 0) return k;
    return 3;
  }
  // KL(now ‖ best).
  double Gap(double beta) const {
    const auto now = Logp(logits), best = Best(beta);
    double sum = 0;
    for (size_t k = 0; k < 4; ++k) sum += std::exp(now[k]) * (now[k] - best[k]);
    return sum;
  }
};

// Trains the bandit; each completion is one token.
double TrainedGap(const std::string& method, double beta, int iterations = 1) {
  Bandit bandit;
  Random random(9);
  const auto reference = Bandit::Logp(bandit.start);
  PolicyOptions o{.loss_type = method == "grpo" ? "dapo" : method,
                  .beta = method == "grpo" ? beta : 0};
  const size_t group = 64;
  double value = 0;
  for (int step = 0; step < 1500; ++step) {
    const auto acted = Bandit::Logp(bandit.logits);
    std::vector<size_t> arm(group);
    std::vector<double> rewards(group), old(group), ref(group);
    for (size_t i = 0; i < group; ++i) {
      arm[i] = bandit.Draw(acted, random);
      old[i] = acted[arm[i]];
      ref[i] = reference[arm[i]];
      rewards[i] = bandit.reward[arm[i]];
      if (method != "grpo") rewards[i] -= beta * (old[i] - ref[i]);
    }
    std::vector<double> advantages(group);
    if (method == "grpo") advantages = RelativeToGroup(rewards, group, "none").advantages;
    if (method == "rloo") advantages = LeaveOneOut(rewards, group, false).advantages;
    for (int i = 0; method == "ppo" && i < static_cast<int>(group); ++i)
      advantages[i] = Gae(std::span(&rewards[i], 1), std::span(&value, 1), 1, 0.95)[0];
    const double acted_value = value;
    for (int iteration = 0; iteration < iterations; ++iteration) {
      const auto now = Bandit::Logp(bandit.logits);
      std::vector<double> gradient(4, 0);
      double value_gradient = 0;
      PolicySums sums;
      for (size_t i = 0; i < group; ++i) {
        const double logp = now[arm[i]], returned = rewards[i];
        double slope = 0, value_slope = 0;
        Rollout r{.logp = {&logp, 1}, .old = {&old[i], 1}, .advantage = advantages[i]};
        if (method == "grpo") r.reference = {&ref[i], 1};
        if (method == "ppo") {
          r.advantages = {&advantages[i], 1};
          r.values = {&value, 1};
          r.old_values = {&acted_value, 1};
          r.returns = {&returned, 1};
        }
        AddRollout(o, {static_cast<double>(group), static_cast<double>(group), 1}, r, sums,
                   {&slope, 1}, {&value_slope, 1});
        for (size_t k = 0; k < 4; ++k) gradient[k] += slope * ((k == arm[i]) - std::exp(now[k]));
        value_gradient += value_slope;
      }
      const double rate = 0.5 / (1 + step / 150.0);
      for (size_t k = 0; k < 4; ++k) bandit.logits[k] -= rate * gradient[k];
      value -= 5 * rate * value_gradient;
    }
  }
  return bandit.Gap(beta);
}

TEST(Bandit, GrpoFindsThePolicyThatIsBestUnderItsKl) {
  EXPECT_LT(TrainedGap("grpo", 0.3), 2e-3);
  EXPECT_LT(TrainedGap("grpo", 0.3, 3), 2e-3);
}
TEST(Bandit, RlooFindsIt) {
  EXPECT_LT(TrainedGap("rloo", 0.3), 2e-3);
  EXPECT_LT(TrainedGap("rloo", 0.3, 3), 2e-3);
}
TEST(Bandit, PpoFindsIt) {
  EXPECT_LT(TrainedGap("ppo", 0.3), 2e-3);
  EXPECT_LT(TrainedGap("ppo", 0.3, 4), 2e-3);
}

}  // namespace
}  // namespace plumb::train
