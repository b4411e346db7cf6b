#include "model/train/score_head.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <numbers>

#include "model/train/head.h"
#include "model/train/kernels.h"
#include "model/train/random.h"

namespace plumb::train {

ScoreHead ScoreHead::Add(const lm::CausalLm& model, Parameters& parameters, const std::string& name,
                         double rate, bool bias) {
  ScoreHead head;
  head.norm_ = model.final_norm().to(at::kFloat).contiguous();
  head.type_ = model.type();
  head.eps_ = static_cast<float>(model.config().rms_eps);
  head.weight_ = parameters.Add(name, {1, model.config().hidden}, rate);
  head.has_bias_ = bias;
  if (bias) head.bias_ = parameters.Add(name.substr(0, name.rfind('.')) + ".bias", {1}, rate);
  return head;
}

void ScoreHead::Initialise(Parameters& parameters, uint64_t seed, double std) const {
  Random random(MixBits(seed ^ 0x5c07e));
  const at::Tensor weight = parameters.value(weight_);
  for (int64_t i = 0; i < weight.numel(); ++i) {  // Box and Muller 1958
    const double u = 1 - random.Uniform(), v = random.Uniform();
    weight.data_ptr<float>()[i] =
        static_cast<float>(std * std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v));
  }
}

ScoreHead::Pass ScoreHead::Forward(const at::Tensor& x, std::vector<int64_t> node,
                                   const Parameters& parameters) const {
  Pass pass{.node = std::move(node)};
  const auto n = static_cast<int64_t>(pass.node.size());
  const int64_t d = x.size(1);
  pass.rows = at::index_select(x, 0, Index(pass.node));
  at::Tensor h = at::empty({n, d}, type_);
  pass.inv = at::empty({n}, at::kFloat);
  const float *rows = pass.rows.const_data_ptr<float>(), *norm = norm_.const_data_ptr<float>();
  if (type_ == at::kFloat)
    kernels::RmsNorm<float>(rows, norm, eps_, n, d, h.data_ptr<float>(), d,
                            pass.inv.data_ptr<float>());
  else
    kernels::RmsNorm<kernels::Bf16>(rows, norm, eps_, n, d,
                                    static_cast<kernels::Bf16*>(h.data_ptr()), d,
                                    pass.inv.data_ptr<float>());
  pass.normed = h.to(at::kFloat);
  const float* w = parameters.value(weight_).const_data_ptr<float>();
  const double bias =
      has_bias_ ? static_cast<double>(parameters.value(bias_).const_data_ptr<float>()[0]) : 0;
  for (int64_t i = 0; i < n; ++i) {
    const float* row = pass.normed.const_data_ptr<float>() + i * d;
    double sum = bias;
    for (int64_t j = 0; j < d; ++j) sum += static_cast<double>(w[j]) * row[j];
    pass.scores.push_back(sum);
  }
  return pass;
}

void ScoreHead::Backward(const Pass& pass, const std::vector<double>& slopes,
                         Parameters& parameters, at::Tensor& dx) const {
  const auto n = static_cast<int64_t>(pass.node.size());
  if (n == 0) return;
  const int64_t d = pass.rows.size(1);
  const float* w = parameters.value(weight_).const_data_ptr<float>();
  float* dw = parameters.grad(weight_).data_ptr<float>();
  at::Tensor dh = at::empty({n, d}, at::kFloat);
  double dbias = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto slope = static_cast<float>(slopes[i]);
    const float* row = pass.normed.const_data_ptr<float>() + i * d;
    float* out = dh.data_ptr<float>() + i * d;
    for (int64_t j = 0; j < d; ++j) {
      out[j] = slope * w[j];
      dw[j] += slope * row[j];
    }
    dbias += slopes[i];
  }
  if (has_bias_) parameters.grad(bias_).data_ptr<float>()[0] += static_cast<float>(dbias);
  at::Tensor gradients = at::zeros_like(pass.rows);
  const at::Tensor typed = dh.to(type_);
  const float *rows = pass.rows.const_data_ptr<float>(), *norm = norm_.const_data_ptr<float>(),
              *inv = pass.inv.const_data_ptr<float>();
  if (type_ == at::kFloat)
    kernels::RmsNormBackward<float>(typed.const_data_ptr<float>(), d, rows, norm, inv, n, d,
                                    gradients.data_ptr<float>());
  else
    kernels::RmsNormBackward<kernels::Bf16>(static_cast<const kernels::Bf16*>(typed.data_ptr()), d,
                                            rows, norm, inv, n, d, gradients.data_ptr<float>());
  Head::AddRows(gradients, pass.node, dx);
}

}  // namespace plumb::train
