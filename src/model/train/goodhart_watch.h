// The measurements behind goodhart.h while a policy learns: completions of the same prompts with the
// same seeds at every check, scored by what is learned from and by what is not, with their KL to the
// reference, length and diversity. Nothing of it is learned from.
#pragma once

#include "model/train/goodhart.h"
#include "model/train/online.h"
#include "model/train/sycophancy.h"

namespace plumb::train {

class GoodhartWatch {
 public:
  struct Parts {
    Roller& roller;
    const Rewarder& proxy;
    const Rewarder* gold = nullptr;  // may be null: KL, length and diversity only
    const SycophancyProbe* opinions = nullptr;  // may be null: not watched
    TextOf text;
    std::function<void(const json::object&)> emit;
  };
  // Log-probabilities of completions, by row.
  using LogpsOf = std::function<std::vector<double>(const std::vector<TokenRow>&)>;

  // Everything borrowed must outlive this. `steps`: of the whole run; `per_generation`: of one.
  GoodhartWatch(const TrainSettings& settings, std::vector<OnlinePrompt> prompts, Parts parts,
                int64_t steps, int64_t per_generation);

  bool Due(int64_t generation) const { return generation % settings_.monitor_every == 0; }
  // Measures, emits the event "goodhart" and adds what was seen to `metrics`.
  Result<GoodhartReading> Check(int64_t step, const LogpsOf& policy, const LogpsOf& reference,
                                std::vector<std::pair<std::string, double>>& metrics);
  const GoodhartMonitor& monitor() const { return monitor_; }
  json::object State() const { return monitor_.State(); }
  Status SetState(const json::object& state) { return monitor_.SetState(state); }

 private:
  const TrainSettings& settings_;
  std::vector<OnlinePrompt> prompts_;
  Parts parts_;
  GoodhartMonitor monitor_;
};

// Up to `most` of the prompts, evenly spread, in their order.
std::vector<OnlinePrompt> SomePrompts(const std::vector<OnlinePrompt>& prompts, int64_t most);

}  // namespace plumb::train
