// Rows whose behaviour must not change, beside whatever else is learned: each step also holds
// preserve_weight · KL(the model as it was ‖ the model) at the tokens of preserve_batch_size of them,
// exact over the whole vocabulary (preserve_how "replay": preserve_weight · −log p of the tokens
// themselves; "projection": nothing is added, but what was learned is projected off the direction that tells the harmful rows from the
// others, projection.h), and after the last step the KL is measured on the fifth of them that was never held. A prompt alone is answered
// by the model as it was.
#pragma once

#include <optional>

#include "model/train/decoder_parts.h"
#include "model/train/projection.h"
#include "model/train/rollout.h"
#include "model/train/sft.h"

namespace plumb::train {

struct Preserved {
  std::vector<TokenRow> rows;    // each has something to be held at
  std::vector<uint8_t> harmful;  // by row, where "projection" is asked for
};

class PreserveObjective : public Objective {
 public:
  // Everything borrowed must outlive this.
  PreserveObjective(const TrainSettings& settings, Objective& inner, Preserved preserved,
                    lm::CausalLm& model, Trunk& trunk, Parameters& parameters,
                    std::function<void(const json::object&)> emit);

  size_t rows() const override { return inner_.rows(); }
  StepShape Shape() const override { return inner_.Shape(); }
  std::string Where(uint32_t row) const override { return inner_.Where(row); }
  Status Begin(const std::vector<uint32_t>& rows, uint64_t key) override {
    return inner_.Begin(rows, key);
  }
  Result<BatchReport> Accumulate(const std::vector<uint32_t>& rows, uint64_t key) override;
  json::object State() const override { return inner_.State(); }
  Status SetState(const json::object& state) override { return inner_.SetState(state); }
  // Emits "preserve" and writes it to out/preserve.json: {"rows", "held_out", "weight", "kl": nats a token
  // on the held-out rows, "kl_low", "kl_high"}.
  Result<std::string> End() override;
  void Refresh() override;
  Status SaveAdapter(const fs::path& folder) const override { return inner_.SaveAdapter(folder); }
  Status SaveProduct(const fs::path& folder) const override { return inner_.SaveProduct(folder); }
  Status Prepare(const std::vector<uint32_t>& rows) override;

 private:
  bool Projects() const {
    return settings_.preserve_how == "projection" && settings_.preserve_weight > 0;
  }
  // Σ KL (replay, with a coefficient: Σ −log p) over the tokens of each of these rows; with a
  // coefficient its gradient is added.
  std::vector<double> Divergence(const std::vector<uint32_t>& some, double coefficient);

  const TrainSettings& settings_;
  Objective& inner_;
  std::vector<TokenRow> rows_;
  std::vector<uint8_t> harmful_;
  std::vector<uint32_t> held_, held_out_;
  std::vector<at::Tensor> was_;  // by row: the model as it was, before the vocabulary [learned, hidden]
  Trunk& trunk_;
  Parameters& parameters_;
  std::optional<Projection> projection_;
  bool moved_ = false;  // the parameters, since they were projected
  Head head_;
  std::function<void(const json::object&)> emit_;
};

// The rows of settings.preserve as tokens; those that are prompts alone are answered by `roller`. Errors:
// kInvalid (with all bad lines), kNotFound.
Result<Preserved> PreservedRows(const TrainSettings& settings, const RowEncoder& encoder,
                                            Roller& roller);

// Finish, holding what settings.preserve says.
Result<JobResult> FinishPreserving(const TrainSettings& settings, const json::object& fixed,
                                   Objective& objective, DecoderParts& parts,
                                   const DecoderText& text, const Surroundings& world);

}  // namespace plumb::train
