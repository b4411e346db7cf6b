// A projection, and the low-rank adapter that may sit on it.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "model/lm/quantised.h"

namespace plumb::lm {

// Hu et al. 2021: y = W x + scale · B A x. `a` is [rank, in], `b` is [out, rank].
struct Lora {
  at::Tensor a, b;
  double scale = 1;      // lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora
  double dropout = 0;    // applied to the adapter's input only, and only while `training`
  bool training = false;
};

struct Linear {
  at::Tensor weight;  // [out, in]; undefined where it is kept in blocks
  std::shared_ptr<const QuantisedMatrix> quantised;  // then this is the weight
  at::Tensor bias;    // [out], undefined where there is none
  std::optional<Lora> lora;

  int64_t in() const { return quantised ? quantised->columns() : weight.size(1); }
  int64_t out() const { return quantised ? quantised->rows() : weight.size(0); }
  // The weight in `type`, expanded where it is kept in blocks.
  at::Tensor Weight(at::ScalarType type) const { return quantised ? quantised->Expanded(type) : weight.to(type); }
  // x [..., in] → [..., out], in x's type; differentiable. The adapter computes in its own type.
  at::Tensor operator()(const at::Tensor& x) const;
  // W + scale · B A in float32, what the adapter and the weight amount to together.
  at::Tensor Merged() const;
};

}  // namespace plumb::lm
