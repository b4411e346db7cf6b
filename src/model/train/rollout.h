// Completions sampled from the policy in training, in this process (remote_rollout.h: by a server): the engine takes the model with
// its adapters as they are now, and every completion carries the log-probabilities it was drawn
// with.
//
// In float32 they agree with the trainer's own to 1e-4; in bfloat16 the engine rounds the merged
// weights, and the objective corrects for it. A completion depends on its prompt, the settings and
// its seed, not on what is sampled beside it.
#pragma once

#include "model/lm/causal_lm.h"
#include "model/lm/sampler.h"

namespace plumb::train {

struct Completion {
  std::vector<int32_t> ids;    // with the end-of-text token where it ended
  std::vector<float> sampled;  // log-probability of each, at the temperature; empty: not known
  bool ended = false;
};

// Where completions come from. A test gives them itself.
class Roller {
 public:
  virtual ~Roller() = default;
  // One completion for each prompt, of seeds[i]. Errors: kInvalid (a prompt that fills the context),
  // kUnsupported.
  virtual Result<std::vector<Completion>> Roll(const std::vector<std::vector<int32_t>>& prompts,
                                               const std::vector<uint64_t>& seeds) = 0;
  // Its log-probabilities are the trainer's own, to 1e-4: nothing is to be corrected for.
  virtual bool Exact() const { return true; }
};

class EngineRoller : public Roller {
 public:
  // `sampling`'s temperature, top_k, top_p, min_p and max_tokens count. The model must outlive this.
  EngineRoller(const lm::CausalLm& model, lm::Sampling sampling, int64_t slots = 64)
      : model_(model), sampling_(std::move(sampling)), slots_(slots) {}
  Result<std::vector<Completion>> Roll(const std::vector<std::vector<int32_t>>& prompts,
                                       const std::vector<uint64_t>& seeds) override;
  bool Exact() const override { return model_.type() == at::kFloat; }

 private:
  const lm::CausalLm& model_;
  lm::Sampling sampling_;
  int64_t slots_;
};

}  // namespace plumb::train
