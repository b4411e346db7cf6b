// Supervised fine-tuning: −log p of the tokens the model should have said, averaged over a batch's
// tokens.
//
// With `packing` a batch's rows are blocks of whole rows. A block saves no padding, since there is none
// in any batch here, and its rows neither see one another nor move one another's positions: it makes
// batches of about equal numbers of tokens.
//
// A row of weight w counts as w rows would. On rows marked as anchors kl_weight · KL(base ‖ model)
// is added at the same tokens, exact over the whole vocabulary, where base is the same model
// without its adapter; an anchor of weight 0 is held and not imitated. The average is over Σ max(w,
// [anchor]) tokens, so gradient accumulation changes nothing.
#pragma once

#include "model/train/examples.h"
#include "model/train/head.h"
#include "model/train/loop.h"

namespace plumb::train {

// Saves the model's adapters in PEFT's format, and `heads` beside them; shared by the jobs on
// decoders.
Status SaveLora(const fs::path& folder, const TrainSettings& settings, lm::CausalLm& model,
                const std::map<std::string, at::Tensor>& heads = {},
                const std::string& task_type = "CAUSAL_LM", const json::object& extra = {});

class SftObjective : public Objective {
 public:
  // Everything borrowed must outlive this.
  SftObjective(const TrainSettings& settings, std::vector<TokenRow> rows, lm::CausalLm& model,
               Trunk& trunk);

  // Blocks of rows with settings.packing, else rows.
  size_t rows() const override { return blocks_.empty() ? rows_.size() : blocks_.size(); }
  std::string Where(uint32_t row) const override {
    return rows_[blocks_.empty() ? row : blocks_[row][0]].where;
  }
  Result<BatchReport> Accumulate(const std::vector<uint32_t>& rows, uint64_t key) override;
  void Refresh() override { trunk_.Refresh(); }
  Status SaveAdapter(const fs::path& folder) const override {
    return SaveLora(folder, settings_, model_);
  }
  Status Prepare(const std::vector<uint32_t>&) override { return {}; }

 private:
  struct Sums;
  void Micro(const std::vector<uint32_t>& rows, double tokens, uint64_t key, Sums& sums);

  const TrainSettings& settings_;
  std::vector<TokenRow> rows_;
  std::vector<std::vector<uint32_t>> blocks_;
  lm::CausalLm& model_;
  Trunk& trunk_;
  Head head_;
};

// Blocks of up to `most` tokens made of whole rows, best fit, decreasing (TRL's packing_strategy "bfd").
// A longer row is a block of its own.
std::vector<std::vector<uint32_t>> PackRows(const std::vector<int64_t>& tokens, int64_t most);

// Cuts rows, sorted so that neighbours begin alike, into runs of about `tokens` distinct tokens.
std::vector<std::vector<uint32_t>> CutByTokens(
    std::vector<uint32_t> rows, const std::function<const std::vector<int32_t>&(uint32_t)>& ids,
    int64_t tokens);

}  // namespace plumb::train
