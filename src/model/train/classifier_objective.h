// The guard's classifier: one sigmoid a head over the mean of an encoder's tokens, binary
// cross-entropy, adapters and heads learned together. Labels that are absent are masked; the mean
// is over Σ weight of those present.
#pragma once

#include "model/lm/classifier.h"
#include "model/train/classifier_rows.h"
#include "model/train/encoder_trunk.h"
#include "model/train/loop.h"

namespace plumb::train {

// −(pos_weight·y·log σ(z) + (1−y)·log(1−σ(z))) and its slope in z.
struct BinaryLoss {
  double loss, slope;
};
BinaryLoss BinaryCrossEntropy(double z, double label, double pos_weight);

class ClassifierObjective : public Objective {
 public:
  // Adds the heads to `parameters` beside the trunk's adapters and allocates. Everything borrowed
  // must outlive this.
  ClassifierObjective(const TrainSettings& settings, std::vector<std::string> heads,
                      std::vector<LabelledTokens> rows, lm::Encoder& encoder, EncoderTrunk& trunk,
                      Parameters& parameters);

  size_t rows() const override { return rows_.size(); }
  Result<BatchReport> Accumulate(const std::vector<uint32_t>& rows, uint64_t key) override;
  void Refresh() override { trunk_.Refresh(); }
  // In the folder format of lm/classifier.h; the product in bfloat16, half as large.
  Status SaveAdapter(const fs::path& folder) const override { return Save(folder, at::kFloat); }
  Status SaveProduct(const fs::path& folder) const override { return Save(folder, at::kBFloat16); }
  Status Prepare(const std::vector<uint32_t>&) override { return {}; }

 private:
  struct Sums {
    double loss = 0;
    int64_t labels = 0, right = 0, tokens = 0;
  };
  // Each head's bias to the log-odds of its label. Left to learn them, the adapters make every text
  // alike: the shortest way to rates far from one half.
  void StartAtBaseRates();
  Status Save(const fs::path& folder, at::ScalarType type) const;
  void Micro(const std::vector<uint32_t>& rows, double labels, uint64_t key, Sums& sums);

  const TrainSettings& settings_;
  std::vector<std::string> heads_;
  std::vector<double> pos_weight_;
  std::vector<LabelledTokens> rows_;
  lm::Encoder& encoder_;
  EncoderTrunk& trunk_;
  Parameters& parameters_;
  std::vector<size_t> weight_, bias_;  // of each head, in parameters_
};

}  // namespace plumb::train
