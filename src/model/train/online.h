// Learning from rewards: completions are sampled from the policy, scored, and made more or less
// likely. GRPO, RLOO and PPO differ in how rewards become advantages (advantages.h) and in the loss
// (policy_loss.h); the rest is here.
//
// One generation (Begin) feeds Shape().steps steps. TRL's names, defaults and metrics; where TRL
// averages over the micro-batches of a step, the average here is over the step.
//
// PPO, of Huang et al. 2024 (the N+ implementation details): a value head on the policy's own trunk,
// zero at first; the score at the last token and the KL penalty at every token; a penalty for
// completions that do not end; whitened rewards (scale only) and advantages; GAE; both clips; the
// completions of a generation in a new order each time through; nothing after the end-of-text token
// counts.
#pragma once

#include <optional>

#include "model/train/advantages.h"
#include "model/train/examples.h"
#include "model/train/head.h"
#include "model/train/loop.h"
#include "model/train/policy_loss.h"
#include "model/train/rewarder.h"
#include "model/train/rollout.h"
#include "model/train/score_head.h"

namespace plumb::train {

struct OnlinePrompt {
  std::vector<int32_t> ids;
  const data::TrlRow* row = nullptr;  // may be null
};

// The text of a completion, without control tokens.
using TextOf = std::function<std::string(const std::vector<int32_t>&)>;

class GoodhartWatch;

struct OnlineParts {
  lm::CausalLm& model;
  Trunk& trunk;
  Parameters& parameters;
  const ScoreHead* value = nullptr;  // ppo
  Roller& roller;
  const Rewarder& rewarder;
  TextOf text;
  GoodhartWatch* watch = nullptr;  // may be null: nothing is watched
};

class OnlineObjective : public Objective {
 public:
  // Everything borrowed must outlive this. `from_adapter`: the parameters hold an adapter that was
  // loaded; it is the reference, unless settings.reference is "base".
  OnlineObjective(Job job, const TrainSettings& settings, std::vector<OnlinePrompt> prompts,
                  OnlineParts parts, bool from_adapter);

  size_t rows() const override { return prompts_.size(); }
  StepShape Shape() const override;
  std::string Where(uint32_t row) const override {
    return prompts_[row].row ? prompts_[row].row->where : "";
  }
  Status Begin(const std::vector<uint32_t>& rows, uint64_t key) override;
  Result<BatchReport> Accumulate(const std::vector<uint32_t>& rows, uint64_t key) override;
  void Refresh() override { parts_.trunk.Refresh(); }
  Status SaveAdapter(const fs::path& folder) const override;
  Status Prepare(const std::vector<uint32_t>&) override;
  json::object State() const override;
  Result<std::string> End() override;
  Status SetState(const json::object& state) override;

  // One completion and what is known of it.
  struct Episode {
    uint32_t prompt = 0;
    std::vector<int32_t> ids;  // prompt and completion
    size_t begin = 0;          // of the completion
    bool ended = false, masked = false;
    std::vector<double> sampled, old, reference;  // by token; empty: not known
    std::vector<double> values, advantages, returns;
    double reward = 0, advantage = 0, correction = 1;
    size_t Tokens() const { return masked ? 0 : ids.size() - begin; }
  };
  const std::vector<Episode>& episodes() const { return episodes_; }
  // It must outlive this.
  void WatchedBy(GoodhartWatch& watch) { parts_.watch = &watch; }

 private:
  enum class Of { kPolicy, kReference };
  struct Pass;
  using Metrics = std::vector<std::pair<std::string, double>>;

  Status Sample(const std::vector<uint32_t>& rows, uint64_t key);
  Status Reward();
  void Measure(Of of, bool values);
  // One check for over-optimisation. Returns why the run should end, having gone back to the best
  // adapter it saw; empty: go on.
  Result<std::string> CheckGoodhart();
  std::vector<double> Logps(const std::vector<TokenRow>& rows, Of of);
  // Runs `pass` with the parameters that are the reference, where that is an adapter.
  template <class Call>
  void WithReference(const Call& pass);
  void Advantages();
  void PpoAdvantages();
  void CompletionMetrics();
  void SamplerMetrics();
  void Correct(Episode& episode) const;
  std::vector<uint32_t> Slice(uint64_t key) const;
  std::vector<std::vector<uint32_t>> Cut(const std::vector<uint32_t>& some) const;
  Pass Build(const std::vector<uint32_t>& some) const;
  void Learn(const std::vector<uint32_t>& some, const PolicyScale& scale, uint64_t key,
             PolicySums& sums, double& entropy);
  void StepMetrics(const PolicySums& sums, double entropy, BatchReport& report) const;

  Job job_;
  const TrainSettings& settings_;
  std::vector<OnlinePrompt> prompts_;
  OnlineParts parts_;
  Head head_;
  PolicyOptions options_;
  KlController controller_;
  bool reference_is_base_;
  at::Tensor initial_;  // the parameters that are the reference, where that is an adapter
  std::vector<Episode> episodes_;
  std::vector<std::vector<double>> scores_;  // by term, by episode
  Metrics metrics_;                          // of the generation, told with its first step
  int64_t part_ = 0;                         // steps made of it
  int64_t generation_ = 0;                   // how many there were
  std::string stop_;                         // why no further one should be learned from
  uint64_t generation_key_ = 0;
};

}  // namespace plumb::train
