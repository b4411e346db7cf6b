// A projection, and the low-rank adapter that may sit on it.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace plumb::lm {

// Hu et al. 2021: y = W x + scale · B A x. `a` is [rank, in], `b` is [out, rank].
struct Lora {
  at::Tensor a, b;
  double scale = 1;      // lora_alpha / r, or lora_alpha / sqrt(r) with use_rslora
  double dropout = 0;    // applied to the adapter's input only, and only while `training`
  bool training = false;
};

struct Linear {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out], undefined where there is none
  std::optional<Lora> lora;

  // x [..., in] → [..., out], in x's type; differentiable. The adapter computes in its own type.
  at::Tensor operator()(const at::Tensor& x) const;
  // W + scale · B A in float32, what the adapter and the weight amount to together.
  at::Tensor Merged() const;
};

}  // namespace plumb::lm
