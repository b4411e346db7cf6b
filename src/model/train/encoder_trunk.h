// The BERT encoder's forward and backward pass for training: the counterpart of trunk.h, with
// attention both ways.
#pragma once

#include <memory>

#include "model/lm/encoder.h"
#include "model/train/trunk.h"

namespace plumb::train {

class EncoderTrunk {
 public:
  // As Trunk::Create; the caller allocates `parameters` afterwards (it adds its heads first) and
  // then calls Attach.
  static Result<std::unique_ptr<EncoderTrunk>> Create(lm::Encoder& encoder, const LoraOptions& lora,
                                                      Parameters& parameters);
  ~EncoderTrunk();

  void Attach();   // puts the allocated adapters on the encoder's linears, sharing memory
  void Refresh();  // after the parameters changed
  // `batch` without sharing; types [nodes], which text of a pair each token belongs to. → [nodes,
  // hidden] float32.
  at::Tensor Forward(const TokenTrie& batch, const std::vector<int64_t>& types,
                     const PassOptions& options);
  // The gradient of Forward's result; adds the adapters' gradients to the parameters.
  void Backward(const TokenTrie& batch, at::Tensor dx);

 private:
  struct Impl;
  explicit EncoderTrunk(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace plumb::train
