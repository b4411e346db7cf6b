// PPO, detail by detail (Huang et al. 2024), on completions written by the test.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "model/train/online_fixture_test.h"

namespace plumb::train {
namespace {

// Completions written by the test: what PPO makes of them, detail by detail.
class Fixed : public Roller {
 public:
  Result<std::vector<Completion>> Roll(const std::vector<Ids>& prompts,
                                       const std::vector<uint64_t>&) override {
    std::vector<Completion> out(prompts.size());
    for (size_t i = 0; i < out.size(); ++i) {
      out[i].ids = i % 2 ? Ids{5, 7, 1} : Ids{22, 9, 13};
      out[i].ended = i % 2;
    }
    return out;
  }
};

struct Ppo : Online {
  Fixed fixed;
  Rewarder rewarder = One(Sevens);
  std::unique_ptr<OnlineObjective> objective;

  Ppo() : Online(Job::kPpo) {
    settings.per_device_train_batch_size = 4;
    settings.temperature = 0.7;
    tiny.trunk->Refresh();
  }
  void Begin(uint64_t key = 77) {
    objective = Objective(fixed, rewarder);
    ASSERT_TRUE(objective->Prepare({}));
    ASSERT_TRUE(objective->Begin({0, 1, 2, 3}, key));
  }
  std::map<std::string, double> Step() {
    tiny.parameters.ZeroGrad();
    auto report = objective->Accumulate({0, 1, 2, 3}, 5);
    EXPECT_TRUE(report);
    std::map<std::string, double> out(report->metrics.begin(), report->metrics.end());
    out["loss"] = report->loss;
    return out;
  }
};

TEST(PpoDetails, TheRatioIsOneBeforeTheFirstStep) {
  Ppo ppo;
  ppo.Begin();
  const auto first = ppo.Step();
  EXPECT_NEAR(first.at("val/ratio"), 1, 1e-6);
  EXPECT_NEAR(first.at("policy/approxkl_avg"), 0, 1e-10);
  EXPECT_EQ(first.at("policy/clipfrac_avg"), 0);
}

TEST(PpoDetails, ValuesBeginAtZeroAndTheReferenceIsTheStart) {
  Ppo ppo;
  ppo.Begin();
  for (const auto& e : ppo.objective->episodes()) {
    for (double v : e.values) EXPECT_EQ(v, 0);
    for (size_t t = 0; t < e.old.size(); ++t) EXPECT_NEAR(e.old[t], e.reference[t], 1e-6);
  }
  EXPECT_NEAR(ppo.Step().at("objective/kl"), 0, 1e-5);
}

TEST(PpoDetails, WhatDoesNotEndPays) {
  Ppo free, fined;
  fined.settings.missing_eos_penalty = 2;
  free.Begin();
  fined.Begin();
  // Two of four completions do not end.
  EXPECT_NEAR(free.Step().at("objective/rlhf_reward") - fined.Step().at("objective/rlhf_reward"), 1,
              1e-6);
}

TEST(PpoDetails, AdvantagesAreWhitenedAndReturnsAreNot) {
  Ppo white, raw;
  raw.settings.whiten_advantages = false;
  white.Begin();
  raw.Begin();
  std::vector<double> all;
  for (size_t i = 0; i < 4; ++i) {
    const auto &w = white.objective->episodes()[i], &r = raw.objective->episodes()[i];
    all.insert(all.end(), w.advantages.begin(), w.advantages.end());
    EXPECT_EQ(w.returns, r.returns);
    for (size_t t = 0; t < r.returns.size(); ++t)
      EXPECT_NEAR(r.returns[t], r.advantages[t] + r.values[t], 1e-12);
  }
  EXPECT_NEAR(MeanOf(all).mean, 0, 1e-9);
  EXPECT_NEAR(MeanOf(all).deviation, 1, 1e-4);
}

TEST(PpoDetails, TheScoreReachesEarlierTokensThroughGae) {
  Ppo ppo;
  ppo.settings.kl_coef = 0;
  ppo.settings.whiten_advantages = false;
  ppo.Begin();
  const auto& e = ppo.objective->episodes()[1];  // 5 7 <eos>: a third are sevens
  EXPECT_NEAR(e.advantages[2], 1 / 3.0, 1e-9);
  EXPECT_NEAR(e.advantages[0], 0.95 * 0.95 / 3, 1e-9);
}

TEST(PpoDetails, TheKlIsChargedTokenByToken) {
  Ppo ppo;
  ppo.settings.whiten_advantages = false;
  ppo.settings.lam = 0;
  ppo.settings.kl_coef = 0.5;
  ppo.objective = ppo.Objective(ppo.fixed, ppo.rewarder);
  ASSERT_TRUE(ppo.objective->Prepare({}));
  Random random(4);  // the policy leaves its reference
  for (size_t i = 0; i < ppo.tiny.parameters.count(); ++i)
    if (ppo.tiny.parameters.name(i).ends_with("lora_B.weight"))
      ppo.tiny.parameters.value(i).copy_(
          RandomTensor(ppo.tiny.parameters.value(i).sizes().vec(), random, 0.2));
  ppo.tiny.trunk->Refresh();
  ASSERT_TRUE(ppo.objective->Begin({0, 1, 2, 3}, 3));
  const auto& e = ppo.objective->episodes()[0];
  ASSERT_GT(std::abs(e.old[0] - e.reference[0]), 1e-3);
  EXPECT_NEAR(e.advantages[0], -0.5 * (e.old[0] - e.reference[0]), 1e-9);
}

TEST(PpoDetails, EachTimeThroughVisitsEveryCompletionOnceInANewOrder) {
  Ppo ppo;
  ppo.settings.num_mini_batches = 2;
  ppo.settings.num_ppo_epochs = 8;
  ppo.Begin();
  EXPECT_EQ(ppo.objective->Shape().steps, 16);
  // Losses of the two halves differ by which completions are in them: over eight times through,
  // more than one split comes up, and the halves of each always add up to the same.
  std::set<int64_t> splits;
  double whole = 0;
  for (int time = 0; time < 8; ++time) {
    const double a = ppo.Step().at("loss/value_avg"), b = ppo.Step().at("loss/value_avg");
    if (time > 0) {
      EXPECT_NEAR(a + b, whole, 1e-9);
    }
    whole = a + b;
    splits.insert(std::llround(1e9 * std::min(a, b)));
  }
  EXPECT_GT(splits.size(), 1u);
}

TEST(PpoDetails, RewardsWhitenedKeepTheirMean) {
  Ppo ppo;
  ppo.settings.whiten_rewards = true;
  ppo.settings.kl_coef = 0;
  ppo.settings.whiten_advantages = false;
  ppo.settings.lam = 0;
  ppo.settings.gamma = 0;  // advantages are the rewards
  ppo.Begin();
  std::vector<double> all;
  for (const auto& e : ppo.objective->episodes())
    all.insert(all.end(), e.advantages.begin(), e.advantages.end());
  EXPECT_NEAR(MeanOf(all).mean, 2.0 / 3 / 12, 1e-9);
  EXPECT_NEAR(MeanOf(all).deviation, 1, 1e-4);
}

TEST(PpoDetails, TruncatedCompletionsMayBeLeftOut) {
  Ppo ppo;
  ppo.settings.mask_truncated_completions = true;
  ppo.Begin();
  EXPECT_EQ(ppo.objective->episodes()[0].Tokens(), 0u);
  EXPECT_EQ(ppo.objective->episodes()[1].Tokens(), 3u);
  ppo.Step();
  EXPECT_GT(ppo.tiny.parameters.GradNorm(), 0);
}

TEST(PpoDetails, DefaultsAreThePublishedOnes) {
  const TrainSettings s = DefaultsOf(Job::kPpo);
  EXPECT_EQ(s.adam_epsilon, 1e-5);
  EXPECT_EQ(s.learning_rate, 3e-6);
  EXPECT_EQ(s.num_ppo_epochs, 4);
  EXPECT_EQ(s.kl_coef, 0.05);
  EXPECT_EQ(s.lam, 0.95);
  EXPECT_EQ(s.vf_coef, 0.1);
  EXPECT_EQ(s.lr_scheduler_type, Schedule::kLinear);
}

}  // namespace
}  // namespace plumb::train
