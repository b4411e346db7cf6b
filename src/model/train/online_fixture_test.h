// Learning from rewards on a tiny model: completions sampled in process, a reward given by the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

#include "model/train/goodhart_watch.h"
#include "model/train/online.h"
#include "model/train/recorded_test.h"
#include "model/train/settings_keys.h"
#include "model/train/tiny_model_test.h"

namespace plumb::train {

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

inline Rewarder One(std::function<double(const Sampled&)> one) {
  std::vector<NamedTerm> terms;
  terms.push_back({"one", 1, std::make_unique<Term>(std::move(one))});
  return Rewarder(std::move(terms));
}

// The share of a completion's tokens that are 7: at most 1.
inline double Sevens(const Sampled& s) {
  return static_cast<double>(std::ranges::count(s.ids, 7)) / static_cast<double>(s.ids.size());
}

inline std::vector<OnlinePrompt> Prompts() {
  return {{{3, 14, 15}}, {{9, 2, 6, 5, 35}}, {{27, 18}}, {{11, 12, 41, 8}}};
}

struct Online : Recorded {
  Job job;
  TinyTrunk tiny;
  TrainSettings settings;
  TempFolder out;
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
    const Surroundings world = World(stop_at);
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

inline double Number(const json::object& row, const char* name) {
  return row.at(name).to_number<double>();
}

}  // namespace plumb::train
