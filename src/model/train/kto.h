// Learning from answers that are good or bad by themselves (Ethayarajh et al. 2024), as TRL's
// KTOTrainer does.
//
// The point of reference is the mean log-ratio of answers on prompts they do not belong to: each
// batch of per_device_train_batch_size rows has its answers moved on by one. Nothing is learned from
// it; it is 0 or more.
#pragma once

#include "model/train/answers.h"
#include "model/train/loop.h"

namespace plumb::train {

class KtoObjective : public Objective {
 public:
  // Everything borrowed must outlive this. `from_adapter`: the parameters hold an adapter that was
  // loaded.
  KtoObjective(const TrainSettings& settings, std::vector<TokenAnswer> answers,
               lm::CausalLm& model, Trunk& trunk, bool from_adapter);

  size_t rows() const override { return answers_.size(); }
  std::string Where(uint32_t row) const override { return answers_[row].row.where; }
  Result<BatchReport> Accumulate(const std::vector<uint32_t>& rows, uint64_t key) override;
  void Refresh() override { trunk_.Refresh(); }
  Status SaveAdapter(const fs::path& folder) const override;
  // Where the run starts from an adapter, what it says of every row and of every mismatch that may
  // come up is the reference: rows keep their order then.
  Status Prepare(const std::vector<uint32_t>& rows) override;

 private:
  struct Sums;
  std::vector<double> Logps(const std::vector<const TokenRow*>& rows, bool adapters);
  Result<double> Divergence(const std::vector<uint32_t>& rows);
  void Learn(const std::vector<uint32_t>& rows, double kl, double share, uint64_t key, Sums& sums);

  const TrainSettings& settings_;
  std::vector<TokenAnswer> answers_;
  lm::CausalLm& model_;
  Trunk& trunk_;
  Head head_;
  bool reference_is_base_, calculate_kl_;
  std::vector<double> reference_;                               // by row
  std::map<std::pair<uint32_t, uint32_t>, double> mismatched_;  // by prompt's row, answer's row
};

}  // namespace plumb::train
