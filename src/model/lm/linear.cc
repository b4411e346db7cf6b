#include "model/lm/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>

namespace plumb::lm {

at::Tensor Linear::operator()(const at::Tensor& x) const {
  at::Tensor y = at::linear(x, quantised ? Weight(x.scalar_type()) : weight, bias);
  if (!lora) return y;
  at::Tensor input = x.to(lora->a.scalar_type());
  if (lora->training && lora->dropout > 0) input = at::dropout(input, lora->dropout, true);
  return y + (at::linear(at::linear(input, lora->a), lora->b) * lora->scale).to(y.scalar_type());
}

at::Tensor Linear::Merged() const {
  at::Tensor w = Weight(at::kFloat);
  if (!lora) return w;
  return w + at::matmul(lora->b.to(at::kFloat), lora->a.to(at::kFloat)) * lora->scale;
}

}  // namespace plumb::lm
