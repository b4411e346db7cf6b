// Preference optimisation: both answers of a pair share their prompt's nodes in one batch
// (token_trie.h).
//
// The reference is the adapter the run starts from, or with reference "base" (and for a new
// adapter, where it is the same) the model without one. A row's weight multiplies its pair's loss;
// the mean is over Σ weight. rpo_alpha adds alpha · mean −log p over the batch's chosen tokens
// (Pang et al. 2024, as TRL's "sft" loss).
#pragma once

#include "model/train/dpo_loss.h"
#include "model/train/sft.h"

namespace plumb::train {

class DpoObjective : public Objective {
 public:
  // Everything borrowed must outlive this. `from_adapter`: the parameters hold an adapter that was
  // loaded.
  DpoObjective(const TrainSettings& settings, std::vector<TokenPair> pairs, lm::CausalLm& model,
               Trunk& trunk, bool from_adapter);

  size_t rows() const override { return pairs_.size(); }
  BatchReport Accumulate(const std::vector<uint32_t>& rows, uint64_t key) override;
  void Refresh() override { trunk_.Refresh(); }
  Status SaveAdapter(const fs::path& folder) const override {
    return SaveLora(folder, settings_, model_);
  }
  // The reference's log-probabilities, where they must be known before the first step.
  Status Prepare(const std::vector<uint32_t>& rows) override;

 private:
  struct Micro;
  struct Sums;
  struct Reference {
    double chosen = 0, rejected = 0;
    bool known = false;
  };
  Micro Build(const std::vector<uint32_t>& rows) const;
  std::vector<std::vector<uint32_t>> Cut(const std::vector<uint32_t>& rows) const;
  // Log-probabilities of both answers of each pair → chosen at 2i, rejected at 2i + 1.
  std::vector<double> Logps(const Micro& micro,
                            const std::vector<kernels::TokenStats>& stats) const;
  void Learn(const std::vector<uint32_t>& rows, double weight, double chosen_tokens, uint64_t key,
             Sums& sums);

  const TrainSettings& settings_;
  DpoOptions options_;
  std::vector<TokenPair> pairs_;
  lm::CausalLm& model_;
  Trunk& trunk_;
  Head head_;
  bool reference_is_base_;
  std::vector<Reference> reference_;
};

}  // namespace plumb::train
