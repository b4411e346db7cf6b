// Preference optimisation: both answers of a pair share their prompt's nodes in one batch
// (token_trie.h).
//
// The reference is the adapter the run starts from, or with reference "base" (and for a new
// adapter, where it is the same) the model without one; with reference "none", and for losses that
// do not look at it, there is none, and the rewards that are logged are beta · the log-probability
// the loss looks at. A row's weight multiplies its pair's loss; the mean is over Σ weight. rpo_alpha
// adds alpha · mean −log p over the batch's chosen tokens (Pang et al. 2024; TRL's "sft" loss, the
// NLL of ORPO, where it includes the prompt, and of CPO).
//
// These losses can be won by making the chosen answer less likely, as long as the rejected one falls
// faster (Pal et al. 2024). `chosen_drop` logs by how many nats a token it has fallen below the
// reference, smoothed over ten steps; on_chosen_collapse says what happens above
// chosen_collapse_threshold.
#pragma once

#include "model/train/answers.h"
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
  std::string Where(uint32_t row) const override { return pairs_[row].chosen.where; }
  Result<BatchReport> Accumulate(const std::vector<uint32_t>& rows, uint64_t key) override;
  json::object State() const override { return {{"chosen_drop", chosen_drop_}}; }
  Status SetState(const json::object& state) override;
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
  void Learn(const std::vector<uint32_t>& rows, double weight, double nll_tokens, double kl,
             uint64_t key, Sums& sums);
  // KTO's point of reference: the mean log-ratio of answers that belong to other prompts.
  double Divergence(const std::vector<uint32_t>& rows);
  double NllTokens(const TokenPair& pair) const;
  PairLogps Shown(const PairLogps& p) const;
  void WatchChosen(double drop, BatchReport& report);

  const TrainSettings& settings_;
  DpoOptions options_;
  std::vector<TokenPair> pairs_;
  lm::CausalLm& model_;
  Trunk& trunk_;
  Head head_;
  bool reference_is_base_, no_reference_, per_token_;
  double nll_;  // weight of the chosen answers' −log p
  double chosen_drop_ = 0;
  std::vector<Reference> reference_;
};

}  // namespace plumb::train
