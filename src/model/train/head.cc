#include "model/train/head.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>

#include "model/train/kernels.h"

namespace plumb::train {
namespace {

constexpr int64_t kBlock = 256;  // positions whose logits are held at once
constexpr int64_t kFullBlock = 1024;  // where each block adds to the whole vocabulary's gradient

template <class T>
T* ValuesOf(const at::Tensor& t) {
  return static_cast<T*>(t.data_ptr());
}

}  // namespace

at::Tensor Index(const std::vector<int64_t>& v) {
  return at::from_blob(const_cast<int64_t*>(v.data()), {static_cast<int64_t>(v.size())}, at::kLong);
}

Head::Head(const lm::CausalLm& model, double temperature, FullWeights* full)
    : norm_(model.final_norm().to(at::kFloat).contiguous()),
      weight_(model.lm_head().weight),
      eps_(static_cast<float>(model.config().rms_eps)),
      scale_(1 / temperature),
      full_(full) {}

at::Tensor Head::Normed(const at::Tensor& x, const std::vector<int64_t>& node) const {
  const at::Tensor rows = at::index_select(x, 0, Index(node));
  const int64_t n = rows.size(0), d = rows.size(1);
  at::Tensor h = at::empty({n, d}, weight_.options()), inv = at::empty({n}, at::kFloat);
  if (weight_.scalar_type() == at::kFloat)
    kernels::RmsNorm<float>(ValuesOf<float>(rows), ValuesOf<float>(norm_), eps_, n, d, ValuesOf<float>(h), d,
                            ValuesOf<float>(inv));
  else
    kernels::RmsNorm<kernels::Bf16>(ValuesOf<float>(rows), ValuesOf<float>(norm_), eps_, n, d,
                                    ValuesOf<kernels::Bf16>(h), d, ValuesOf<float>(inv));
  return h;
}

template <class T>
std::vector<kernels::TokenStats> Head::RunTyped(const at::Tensor& x, const Targets& targets,
                                                at::Tensor* gradients) const {
  const int64_t n = static_cast<int64_t>(targets.size()), d = x.size(1), vocab = weight_.size(0);
  std::vector<kernels::TokenStats> stats(n);
  if (n == 0) return stats;
  const at::Tensor rows = at::index_select(x, 0, Index(targets.node));
  at::Tensor h = at::empty({n, d}, weight_.options()), inv = at::empty({n}, at::kFloat);
  kernels::RmsNorm<T>(ValuesOf<float>(rows), ValuesOf<float>(norm_), eps_, n, d, ValuesOf<T>(h), d,
                      ValuesOf<float>(inv));
  if (scale_ != 1) h.mul_(scale_);
  if (gradients) *gradients = at::zeros_like(rows);
  const int64_t block = full_ && gradients ? kFullBlock : kBlock;
  at::Tensor logits_memory = at::empty({std::min(n, block), vocab}, h.options()), base_memory;
  if (targets.base.defined()) base_memory = at::empty_like(logits_memory);
  for (int64_t i = 0; i < n; i += block) {
    const int64_t m = std::min(block, n - i);
    at::Tensor logits = logits_memory.narrow(0, 0, m), base;
    at::mm_out(logits, h.narrow(0, i, m), weight_.t());
    bool anchored = false;
    if (targets.base.defined())
      for (int64_t j = i; j < i + m && !anchored; ++j) anchored = targets.anchor_coef[j] != 0;
    if (anchored) {
      base = base_memory.narrow(0, 0, m);
      at::mm_out(base, targets.base.narrow(0, i, m), weight_.t());
    }
    kernels::Softmax<T>(ValuesOf<T>(logits), anchored ? ValuesOf<T>(base) : nullptr, m, vocab,
                        targets.target.data() + i, gradients ? targets.coef.data() + i : nullptr,
                        targets.anchor_coef.empty() ? nullptr : targets.anchor_coef.data() + i,
                        stats.data() + i);
    if (!gradients) continue;
    at::Tensor dh = at::mm(logits, weight_);
    if (scale_ != 1) dh.mul_(scale_);
    if (full_) {
      at::Tensor grad = full_->parameters().grad(full_->output());
      if (h.scalar_type() == at::kFloat)
        grad.addmm_(logits.t(), h.narrow(0, i, m));
      else
        grad.add_(at::mm(logits.t(), h.narrow(0, i, m)));
      full_->parameters()
          .grad(full_->norm())
          .add_((dh.to(at::kFloat) * rows.narrow(0, i, m) * inv.narrow(0, i, m).unsqueeze(1)).sum(0));
    }
    kernels::RmsNormBackward<T>(ValuesOf<T>(dh), d, ValuesOf<float>(rows) + i * d, ValuesOf<float>(norm_),
                                ValuesOf<float>(inv) + i, m, d, ValuesOf<float>(*gradients) + i * d);
  }
  return stats;
}

std::vector<kernels::TokenStats> Head::RunRows(const at::Tensor& x, const Targets& targets,
                                               at::Tensor* rows) const {
  return weight_.scalar_type() == at::kFloat ? RunTyped<float>(x, targets, rows)
                                             : RunTyped<kernels::Bf16>(x, targets, rows);
}

void Head::AddRows(const at::Tensor& rows, const std::vector<int64_t>& node, at::Tensor& dx) {
  if (!node.empty()) dx.index_add_(0, Index(node), rows);
}

std::vector<kernels::TokenStats> Head::Run(const at::Tensor& x, const Targets& targets,
                                           at::Tensor* dx) const {
  at::Tensor rows;
  std::vector<kernels::TokenStats> stats = RunRows(x, targets, dx ? &rows : nullptr);
  if (dx) AddRows(rows, targets.node, *dx);
  return stats;
}

}  // namespace plumb::train
