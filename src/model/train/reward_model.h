// A reward model at work: conversations in, one score each out.
//
//   PLUMB_TRY(auto judge, RewardModel::Load("smollm2+runs/rm/adapter"));
//   PLUMB_TRY(std::vector<double> scores, judge->Score(sequences));
//
// Also an ensemble of them, which tells how sure they are (Coste et al. 2023). One thread.
#pragma once

#include "model/train/decoder_parts.h"

namespace plumb::train {

class RewardModel {
 public:
  // `name`: MODEL+ADAPTER_FOLDER, the folder one that `train reward` wrote, or PEFT with a score
  // layer saved. Errors: kNotFound, kInvalid (no score layer), those of loading.
  static Result<std::unique_ptr<RewardModel>> Load(const std::string& name, bool bf16 = true);

  // The scores of whole token sequences. Error: kInvalid (one that is empty or beyond the context).
  Result<std::vector<double>> Score(const std::vector<std::vector<int32_t>>& sequences);
  RowEncoder Encoder() const { return text_.Encoder(settings_.max_length); }
  int64_t context() const { return parts_->model->config().context; }

 private:
  TrainSettings settings_;
  DecoderText text_;
  std::unique_ptr<DecoderParts> parts_;
  int32_t pad_ = -1;
};

// mean, least, or mean − pessimism · deviation of an ensemble's scores of one answer.
double Combine(const std::vector<double>& scores, const std::string& how, double pessimism);

}  // namespace plumb::train
