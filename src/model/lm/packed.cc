#include "model/lm/packed.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>

#include <cstring>

namespace plumb::lm {

PackedLinear::PackedLinear(const std::vector<at::Tensor>& weights, Precision precision) {
  const at::Tensor all = at::cat(weights, 0).to(at::kFloat).contiguous();
  n_ = all.size(0);
  k_ = all.size(1);
  padded_n_ = RoundUp(n_, kPanel);
  const float* w = all.data_ptr<float>();
  if (precision == Precision::kFloat32) {
    panels_.Resize(static_cast<size_t>(padded_n_ * k_));
    float* out = panels_.data();
    for (int64_t n = 0; n < padded_n_; n += kPanel)
      for (int64_t k = 0; k < k_; ++k)
        for (int64_t j = 0; j < kPanel; ++j) *out++ = n + j < n_ ? w[(n + j) * k_ + k] : 0;
    return;
  }
  if (!HasAmx() || k_ % 32 != 0 || n_ % 32 != 0) {
    plain_ = all.to(at::kBFloat16);
    return;
  }
  Buffer<bf16> rounded(static_cast<size_t>(n_ * k_));
  Kernels().to_bf16(w, n_ * k_, rounded.data());
  tiles_.Resize(static_cast<size_t>(n_ * k_));
  PackAmx(rounded.data(), n_, k_, tiles_.data());
}

void PackedLinear::Multiply(const float* a, int64_t m, float* out, bool accumulate) const {
  const int64_t columns = padded_n_ / kPanel;
  const auto gemm = Kernels().gemm;
  if (padded_n_ == n_) {
    at::parallel_for(0, columns, 1, [&](int64_t begin, int64_t end) { gemm(a, panels_.data(), out, n_, m, k_, begin, end, accumulate); });
    return;
  }
  // A width that is not whole panels goes through a wider buffer.
  Buffer<float> wide(static_cast<size_t>(m * padded_n_));
  at::parallel_for(0, columns, 1, [&](int64_t begin, int64_t end) { gemm(a, panels_.data(), wide.data(), padded_n_, m, k_, begin, end, false); });
  for (int64_t r = 0; r < m; ++r)
    for (int64_t c = 0; c < n_; ++c) out[r * n_ + c] = (accumulate ? out[r * n_ + c] : 0) + wide.data()[r * padded_n_ + c];
}

void PackedLinear::Multiply(const bf16* a, int64_t m, float* out, bool accumulate) const {
  if (plain_.defined()) {
    const at::NoGradGuard no_grad;
    const at::Tensor x = at::from_blob(const_cast<bf16*>(a), {m, k_}, at::TensorOptions(at::kBFloat16));
    const at::Tensor y = at::linear(x, plain_).to(at::kFloat).contiguous();
    const float* v = y.data_ptr<float>();
    for (int64_t i = 0; i < m * n_; ++i) out[i] = (accumulate ? out[i] : 0) + v[i];
    return;
  }
  at::parallel_for(0, n_ / 32, 1, [&](int64_t begin, int64_t end) { GemmAmx(a, tiles_.data(), out, n_, m, k_, begin, end, accumulate); });
}

}  // namespace plumb::lm
