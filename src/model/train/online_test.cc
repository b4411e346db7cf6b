// Learning from rewards, end to end on a tiny model: sampled in process, scored, learned from.
#include "model/train/online.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "model/train/best_of_n.h"
#include "model/train/goodhart_watch.h"
#include "model/train/settings_keys.h"
#include "model/train/tiny_model_test.h"

namespace plumb::train {
namespace {

using Ids = std::vector<int32_t>;

class Term : public RewardTerm {
 public:
  explicit Term(std::function<double(const Sampled&)> one) : one_(std::move(one)) {}
  Result<std::vector<double>> Score(const std::vector<Sampled>& sampled) override {
    std::vector<double> out;
    for (const Sampled& s : sampled) out.push_back(one_(s));
    return out;
  }

 private:
  std::function<double(const Sampled&)> one_;
};

Rewarder One(std::function<double(const Sampled&)> one) {
  std::vector<NamedTerm> terms;
  terms.push_back({"one", 1, std::make_unique<Term>(std::move(one))});
  return Rewarder(std::move(terms));
}

// The share of a completion's tokens that are 7: at most 1.
double Sevens(const Sampled& s) {
  return static_cast<double>(std::ranges::count(s.ids, 7)) / static_cast<double>(s.ids.size());
}

std::vector<OnlinePrompt> Prompts() {
  return {{{3, 14, 15}}, {{9, 2, 6, 5, 35}}, {{27, 18}}, {{11, 12, 41, 8}}};
}

struct Online {
  Job job;
  TinyTrunk tiny;
  TrainSettings settings;
  TempFolder out;
  std::vector<json::object> events;
  std::atomic<bool> stop{false};
  const Rewarder* gold = nullptr;  // watched where settings.Monitors()

  explicit Online(Job job, LoraOptions lora = {.r = 8, .alpha = 16})
      : job(job),
        tiny("engine", lora, at::kFloat, false,
             job == Job::kPpo ? "base_model.model.v_head.weight" : "", true),
        settings(DefaultsOf(job)) {
    settings.model = "tiny";
    settings.out = out.path().string();
    settings.lora = lora;
    settings.bf16 = false;
    settings.learning_rate = 2e-2;
    settings.per_device_train_batch_size = 32;
    settings.num_generations = job == Job::kPpo ? 1 : 8;
    settings.max_completion_length = 3;
    settings.max_steps = 40;
    settings.logging_steps = 1;
    settings.save_steps = 0;
    settings.temperature = 1;
  }
  lm::Sampling Sampling() const {
    return {.temperature = settings.temperature, .max_tokens = settings.max_completion_length};
  }
  std::unique_ptr<OnlineObjective> Objective(Roller& roller, const Rewarder& rewarder,
                                             std::vector<OnlinePrompt> prompts = Prompts()) {
    return std::make_unique<OnlineObjective>(
        job, settings, std::move(prompts),
        OnlineParts{.model = *tiny.model,
                    .trunk = *tiny.trunk,
                    .parameters = tiny.parameters,
                    .value = tiny.head ? &*tiny.head : nullptr,
                    .roller = roller,
                    .rewarder = rewarder,
                    .text = [](const Ids&) { return std::string(); }},
        false);
  }
  Result<LoopResult> Train(const Rewarder& rewarder, int64_t stop_at = -1,
                           std::vector<OnlinePrompt> prompts = Prompts()) {
    EngineRoller roller(*tiny.model, Sampling());
    const auto objective = Objective(roller, rewarder, prompts);
    Surroundings world{.emit =
                           [this, stop_at](const json::object& event) {
                             events.push_back(event);
                             if (event.at("event") == "progress" &&
                                 event.at("step").to_number<int64_t>() == stop_at)
                               stop = true;
                           },
                       .seconds = [] { return 0.0; },
                       .stop = &stop};
    std::optional<GoodhartWatch> watch;
    if (settings.Monitors()) {
      watch.emplace(settings, prompts,
                    GoodhartWatch::Parts{.roller = roller,
                                         .proxy = rewarder,
                                         .gold = gold,
                                         .text = [](const Ids&) { return std::string(); },
                                         .emit = world.emit},
                    settings.max_steps, objective->Shape().steps);
      objective->WatchedBy(*watch);
    }
    return RunLoop(settings, SettingsThatMatter(job, settings), *objective, tiny.parameters, world);
  }
  std::vector<json::object> Log() const { return *ReadJsonl(out.path() / "metrics.jsonl"); }
  std::vector<float> Values() const {
    const at::Tensor v = tiny.parameters.flat();
    return {v.const_data_ptr<float>(), v.const_data_ptr<float>() + v.numel()};
  }
};

double Number(const json::object& row, const char* name) {
  return row.at(name).to_number<double>();
}

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

// Over-optimisation, planted: 7s are learned, and what is wanted of a completion is that its tokens
// differ.
double Variety(const Sampled& s) {
  return static_cast<double>(std::set<int32_t>(s.ids.begin(), s.ids.end()).size()) /
         static_cast<double>(s.ids.size());
}

std::vector<OnlinePrompt> ManyPrompts() {
  std::vector<OnlinePrompt> prompts;
  for (int32_t i = 0; i < 32; ++i) prompts.push_back({{3, 10 + i, 2 + i % 7}});
  return prompts;
}

std::unique_ptr<Online> Watched(Job job, const Rewarder& gold) {
  auto run = std::make_unique<Online>(job);
  run->settings.gold_rewards = "given by the test";
  run->settings.on_goodhart = "stop";
  run->settings.monitor_every = 4;
  run->settings.max_completion_length = 6;
  if (job == Job::kRloo) run->settings.beta = 0.01;
  if (job == Job::kPpo) {
    run->settings.kl_coef = 0.01;
    run->settings.max_steps = 160;
    run->settings.learning_rate = 1e-2;
    run->settings.monitor_every = 8;
  }
  run->gold = &gold;
  return run;
}

std::vector<json::object> Checks(const Online& run) {
  std::vector<json::object> out;
  for (const auto& event : run.events)
    if (event.at("event") == "goodhart") out.push_back(event);
  return out;
}

TEST(GoodhartWatch, ARewardThatIsGamedStopsTheRunAndTheBestAdapterIsKept) {
  const Rewarder proxy = One(Sevens), gold = One(Variety);
  for (const Job job : {Job::kGrpo, Job::kRloo, Job::kPpo}) {
    auto run = Watched(job, gold);
    auto result = run->Train(proxy, -1, ManyPrompts());
    ASSERT_TRUE(result) << result.error().Text();
    ASSERT_FALSE(result->stopped.empty()) << JobName(job);
    EXPECT_NE(result->stopped.find("the held-out one fell by"), std::string::npos)
        << result->stopped;
    const auto checks = Checks(*run);
    EXPECT_EQ(checks.back().at("alarms").at(0).at("kind"), "gap");
    EXPECT_GT(Number(checks.back(), "proxy"), Number(checks.front(), "proxy"));
    // What is left has the variety of the best check.
    double best = -1;
    for (const auto& check : checks) best = std::max(best, Number(check, "gold"));
    auto again = Watched(job, gold);
    again->settings.max_steps = 1;
    again->settings.learning_rate = 0;
    at::Tensor(again->tiny.parameters.flat()).copy_(run->tiny.parameters.flat());
    ASSERT_TRUE(again->Train(proxy, -1, ManyPrompts()));
    EXPECT_NEAR(Number(Checks(*again).front(), "gold"), best, 1e-9) << JobName(job);
  }
}

TEST(GoodhartWatch, ASoundRewardRaisesNothing) {
  const Rewarder proxy = One(Sevens),
                 gold = One([](const Sampled& s) { return Sevens(s) - 0.1 * Variety(s); });
  for (const Job job : {Job::kGrpo, Job::kRloo}) {
    auto run = Watched(job, gold);
    auto result = run->Train(proxy, -1, ManyPrompts());
    ASSERT_TRUE(result) << result.error().Text();
    EXPECT_TRUE(result->stopped.empty()) << result->stopped;
    const auto checks = Checks(*run);
    EXPECT_GT(Number(checks.back(), "proxy"), Number(checks.front(), "proxy") + 0.2);
    EXPECT_EQ(Number(checks.front(), "kl"), 0);
    EXPECT_GT(Number(checks.back(), "kl"), 1);
    EXPECT_LT(Number(checks.back(), "distinct_2"), Number(checks.front(), "distinct_2"));
    EXPECT_TRUE(run->Log().front().contains("goodhart/gold"));
  }
}

TEST(GoodhartWatch, WatchingChangesNothingOfWhatIsLearned) {
  const Rewarder proxy = One(Sevens), gold = One(Variety);
  auto watched = Watched(Job::kGrpo, gold), alone = Watched(Job::kGrpo, gold);
  watched->settings.on_goodhart = "log";
  alone->settings.gold_rewards.clear();
  watched->settings.max_steps = alone->settings.max_steps = 9;
  ASSERT_TRUE(watched->Train(proxy, -1, ManyPrompts()) && alone->Train(proxy, -1, ManyPrompts()));
  EXPECT_EQ(watched->Values(), alone->Values());
  EXPECT_EQ(Checks(*watched).size(), 4u);  // 0, 4, 8 and the end
}

TEST(GoodhartWatch, AnInterruptedRunGoesOnWithWhatItHadSeen) {
  const Rewarder proxy = One(Sevens), gold = One(Variety);
  auto whole = Watched(Job::kGrpo, gold), first = Watched(Job::kGrpo, gold),
       second = Watched(Job::kGrpo, gold);
  ASSERT_TRUE(whole->Train(proxy, -1, ManyPrompts()));
  ASSERT_TRUE(first->Train(proxy, 6, ManyPrompts()));
  second->settings.out = first->settings.out;
  second->settings.resume_from_checkpoint = "latest";
  auto resumed = second->Train(proxy, -1, ManyPrompts());
  ASSERT_TRUE(resumed) << resumed.error().Text();
  EXPECT_FALSE(resumed->stopped.empty());
  EXPECT_EQ(Checks(*second).back(), Checks(*whole).back());
  EXPECT_EQ(second->Values(), whole->Values());
}

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

TEST(BestOfN, TheBestIsKeptAndTheWorstIsItsPair) {
  Online run(Job::kBestOfN);
  run.settings.num_generations = 4;
  data::TrlRow row;
  row.shape = data::TrlShape::kPrompt;
  row.prompt.text = "p";
  row.where = "rows.jsonl:1";
  class Counting : public Roller {
   public:
    Result<std::vector<Completion>> Roll(const std::vector<Ids>& prompts,
                                         const std::vector<uint64_t>&) override {
      std::vector<Completion> out(prompts.size());
      for (size_t i = 0; i < out.size(); ++i) out[i].ids = {static_cast<int32_t>(10 + i)};
      return out;
    }
  } counting;
  const auto rewarder = One([](const Sampled& s) {
    return s.ids[0] == 12 ? 5.0 : s.ids[0] == 11 ? -1.0 : 1.0;
  });
  Surroundings world{.emit = [&](const json::object& e) { run.events.push_back(e); },
                     .seconds = [] { return 0.0; }};
  auto result = RunBestOfN(
      run.settings, {{{3}, &row}}, counting, rewarder, nullptr,
      [](const Ids& ids) { return fmt::format("t{}", ids[0]); }, world);
  ASSERT_TRUE(result) << result.error().Text();
  const auto best = *ReadJsonl(run.out.path() / "best.jsonl"),
             pairs = *ReadJsonl(run.out.path() / "pairs.jsonl");
  ASSERT_EQ(best.size(), 1u);
  EXPECT_EQ(best[0].at("completion"), "t12");
  EXPECT_EQ(pairs[0].at("rejected"), "t11");
  EXPECT_EQ(Number(pairs[0], "margin"), 6);
  EXPECT_EQ(Number(run.events.back(), "best_reward"), 5);
  EXPECT_EQ(Number(run.events.back(), "reward"), 1.5);
  EXPECT_NEAR(BestOfNKl(4), std::log(4) - 0.75, 1e-12);
}

// Sixteen prompts of eight answers each: 20 + g for the g-th.
struct Choice {
  Online run{Job::kBestOfN};
  std::vector<data::TrlRow> rows = std::vector<data::TrlRow>(16);
  std::vector<OnlinePrompt> prompts;
  class Counting : public Roller {
   public:
    Result<std::vector<Completion>> Roll(const std::vector<Ids>& prompts,
                                         const std::vector<uint64_t>&) override {
      std::vector<Completion> out(prompts.size());
      for (size_t i = 0; i < out.size(); ++i) out[i].ids = {static_cast<int32_t>(20 + i % 8)};
      return out;
    }
  } counting;
  Choice() {
    run.settings.num_generations = 8;
    run.settings.gold_rewards = "given by the test";
    run.settings.on_goodhart = "fail";
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].shape = data::TrlShape::kPrompt;
      rows[i].prompt.text = fmt::format("p{}", i);
      rows[i].where = fmt::format("rows.jsonl:{}", i + 1);
      prompts.push_back({{3, static_cast<int32_t>(i)}, &rows[i]});
    }
  }
  Result<JobResult> Run(const Rewarder& gold) {
    const Rewarder proxy = One([](const Sampled& s) { return s.ids[0]; });
    Surroundings world{.emit = [&](const json::object& e) { run.events.push_back(e); },
                       .seconds = [] { return 0.0; }};
    return RunBestOfN(
        run.settings, prompts, counting, proxy, &gold,
        [](const Ids& ids) { return fmt::format("t{}", ids[0]); }, world);
  }
};

TEST(GoodhartWatch, TheBestOfTooManyAreNotTaken) {
  Choice gamed, sound;
  // The highest by the proxy is worthless, and the more are drawn the surer it is chosen.
  ASSERT_TRUE(gamed.Run(One([](const Sampled& s) { return s.ids[0] == 27 ? -9.0 : s.ids[0]; })));
  const auto& done = gamed.run.events.back();
  EXPECT_EQ(done.at("failed"), true);
  EXPECT_NE(FindString(done, "stopped")->find("the held-out one fell by"), std::string::npos);
  const auto kept = *ReadJsonl(gamed.run.out.path() / "best.jsonl");
  EXPECT_EQ(kept.size(), 16u);
  for (const auto& row : kept) EXPECT_NE(row.at("completion"), "t27");
  ASSERT_TRUE(sound.Run(One([](const Sampled& s) { return s.ids[0] / 3.0; })));
  EXPECT_FALSE(sound.run.events.back().contains("stopped"));
  const auto best = *ReadJsonl(sound.run.out.path() / "best.jsonl");
  for (const auto& row : best) EXPECT_EQ(row.at("completion"), "t27");
}

}  // namespace
}  // namespace plumb::train
