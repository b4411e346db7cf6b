// A reward model: which of two answers is better, as one number an answer (Bradley and Terry 1952).
//
// −log σ(chosen − rejected − margin), averaged over the batch, plus center_rewards_coefficient ·
// (chosen + rejected)² (Eisenstein et al. 2023), which fixes the one constant that pairs leave open.
// The score is taken at the last token that is not padding, as transformers takes it, and padding is
// the end-of-text token where the model has none of its own: after plain text, the token before it.
#pragma once

#include "model/train/examples.h"
#include "model/train/loop.h"
#include "model/train/score_head.h"

namespace plumb::train {

struct RewardPairLoss {
  double loss = 0, d_chosen = 0, d_rejected = 0;
};
RewardPairLoss BradleyTerry(double chosen, double rejected, double margin, double centre);

// Where the score of a sequence is read.
size_t ScoredToken(const std::vector<int32_t>& ids, int32_t pad);

class RewardObjective : public Objective {
 public:
  // Everything borrowed must outlive this.
  RewardObjective(const TrainSettings& settings, std::vector<TokenPair> pairs, lm::CausalLm& model,
                  Trunk& trunk, const ScoreHead& head, Parameters& parameters, int32_t pad);

  size_t rows() const override { return pairs_.size(); }
  std::string Where(uint32_t row) const override { return pairs_[row].chosen.where; }
  Result<BatchReport> Accumulate(const std::vector<uint32_t>& rows, uint64_t key) override;
  void Refresh() override { trunk_.Refresh(); }
  // PEFT's folder: the adapter, and the score layer among modules_to_save.
  Status SaveAdapter(const fs::path& folder) const override;
  Status Prepare(const std::vector<uint32_t>&) override { return {}; }

 private:
  const TrainSettings& settings_;
  std::vector<TokenPair> pairs_;
  lm::CausalLm& model_;
  Trunk& trunk_;
  const ScoreHead& head_;
  Parameters& parameters_;
  int32_t pad_;
};

}  // namespace plumb::train
