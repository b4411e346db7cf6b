// From the trunk's output to tokens: the final norm and the vocabulary, for the positions that
// count and no others.
//
// 49,152 words a token make this the widest product of all; it runs in blocks, and the gradient
// replaces the logits block by block, so that they are never held whole.
#pragma once

#include "model/train/full_weights.h"
#include "model/train/kernel_types.h"

namespace plumb::train {

// Predictions: the token at `node` should be followed by `target`.
struct Targets {
  std::vector<int64_t> node, target;
  std::vector<float> coef;         // of −log p(target) in the loss; empty: statistics only
  std::vector<float> anchor_coef;  // of KL(base ‖ model); empty: none
  at::Tensor
      base;  // [size, hidden]: Head::Normed of the base model's pass; rows without coef unused
  size_t size() const { return node.size(); }
};

// `v` as a tensor on its own memory.
at::Tensor Index(const std::vector<int64_t>& v);

class Head {
 public:
  // Logits are divided by `temperature`. `full`: norm and vocabulary are trained, so that Run adds
  // their gradients too; RunRows and the targets' `base` are for adapters only.
  explicit Head(const lm::CausalLm& model, double temperature = 1, FullWeights* full = nullptr);

  // x [nodes, hidden] float32 → the final norm at `node`, in the compute type [size, hidden].
  at::Tensor Normed(const at::Tensor& x, const std::vector<int64_t>& node) const;
  // Statistics of every target; where `dx` is given (zeros like x) the gradient of the loss by coef
  // is added to it.
  std::vector<kernels::TokenStats> Run(const at::Tensor& x, const Targets& targets,
                                       at::Tensor* dx) const;
  // The same, with each target's own gradient [size, hidden] in `rows`, for losses whose
  // coefficients follow from the statistics; scaled, they are added up by AddRows.
  std::vector<kernels::TokenStats> RunRows(const at::Tensor& x, const Targets& targets,
                                           at::Tensor* rows) const;
  static void AddRows(const at::Tensor& rows, const std::vector<int64_t>& node, at::Tensor& dx);

 private:
  template <class T>
  std::vector<kernels::TokenStats> RunTyped(const at::Tensor& x, const Targets& targets,
                                            at::Tensor* rows) const;

  at::Tensor norm_;    // [hidden] float32
  at::Tensor weight_;  // [vocab, hidden]
  float eps_;
  double scale_;  // 1 / temperature
  FullWeights* full_;
};

}  // namespace plumb::train
