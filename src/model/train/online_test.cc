// GRPO, RLOO and PPO end to end on a tiny model.
#include "model/train/online.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/train/online_fixture_test.h"

namespace plumb::train {
namespace {

TEST(Online, EveryMethodFindsTheKnownOptimum) {
  for (const Job job : {Job::kGrpo, Job::kRloo, Job::kPpo}) {
    Online run(job);
    std::vector<OnlinePrompt> prompts = Prompts();
    if (job == Job::kPpo) {  // a group of one: as many prompts as completions
      run.settings.kl_coef = 0.01;
      run.settings.max_steps = 160;
      run.settings.learning_rate = 1e-2;
      while (prompts.size() < 32) prompts.push_back(prompts[prompts.size() % 4]);
    }
    if (job == Job::kRloo) run.settings.beta = 0.01;
    const Rewarder rewarder = One(Sevens);
    auto result = run.Train(rewarder, -1, prompts);
    ASSERT_TRUE(result) << result.error().Text();
    const auto log = run.Log();
    EXPECT_LT(Number(log.front(), "reward"), 0.2) << JobName(job);
    double last = 0, counted = 0;
    for (size_t i = log.size() - 8; i < log.size(); ++i)
      if (log[i].contains("reward")) last += Number(log[i], "reward"), ++counted;
    EXPECT_GT(last / counted, 0.9) << JobName(job);
  }
}

// One forward pass for both in the float32 mode, whatever the temperature.
TEST(Online, TrainerAndSamplerAgree) {
  for (const double temperature : {1.0, 0.7}) {
    Online run(Job::kGrpo);
    run.settings.temperature = temperature;
    run.settings.max_completion_length = 24;
    run.settings.num_iterations = 2;
    run.settings.max_steps = 4;
    ASSERT_TRUE(run.Train(One(Sevens)));
    for (const auto& row : run.Log())
      if (row.contains("sampling/sampling_logp_difference/max")) {
        EXPECT_LT(Number(row, "sampling/sampling_logp_difference/max"), 1e-4) << temperature;
      }
    EXPECT_TRUE(run.Log().front().contains("sampling/sampling_logp_difference/max"));
  }
}

TEST(Online, TheSameSeedGivesTheSameAdapterInterruptedOrNot) {
  for (const Job job : {Job::kGrpo, Job::kPpo}) {
    const auto made = [job] {
      auto run = std::make_unique<Online>(job);
      run->settings.per_device_train_batch_size = job == Job::kPpo ? 4 : 16;
      run->settings.num_iterations = 2;
      run->settings.num_ppo_epochs = 2;
      run->settings.kl_target = 0.1;
      run->settings.kl_horizon = 10;
      run->settings.max_steps = 8;
      return run;
    };
    auto whole = made(), first = made(), second = made();
    ASSERT_TRUE(whole->Train(One(Sevens)));
    auto stopped = first->Train(One(Sevens), 3);  // in the middle of a generation
    ASSERT_TRUE(stopped);
    EXPECT_TRUE(stopped->interrupted);
    EXPECT_EQ(stopped->steps, 4);  // which is learned from to its end
    second->settings.out = first->settings.out;
    second->settings.resume_from_checkpoint = "latest";
    auto resumed = second->Train(One(Sevens));
    ASSERT_TRUE(resumed) << resumed.error().Text();
    EXPECT_EQ(second->Values(), whole->Values()) << JobName(job);
  }
}

TEST(Online, MicroBatchesChangeNothing) {
  Online whole(Job::kGrpo), cut(Job::kGrpo);
  whole.settings.max_steps = cut.settings.max_steps = 3;
  whole.settings.beta = cut.settings.beta = 0.1;
  cut.settings.micro_batch_tokens = 20;
  ASSERT_TRUE(whole.Train(One(Sevens)) && cut.Train(One(Sevens)));
  const auto a = whole.Values(), b = cut.Values();
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 2e-4) << i;
}

TEST(Online, ARewardNobodyCanGiveIsSaid) {
  Online run(Job::kGrpo);
  const auto result = run.Train(One([](const Sampled&) { return NAN; }));
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("no reward"), std::string::npos);
}

TEST(Online, TooFewPromptsForAGenerationAreSaid) {
  Online run(Job::kGrpo);
  run.settings.per_device_train_batch_size = 64;
  const auto result = run.Train(One(Sevens));
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("4 rows are fewer than the 8"), std::string::npos)
      << result.error().message;
}

}  // namespace
}  // namespace plumb::train
