#include "model/train/lora_group.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include "model/lm/kernels.h"
#include "model/train/kernels.h"

namespace plumb::train {
namespace {

using kernels::Bf16;

template <class F>
void WithType(at::ScalarType type, const F& f) {
  if (type == at::kFloat)
    f(float{});
  else
    f(Bf16{});
}

Bf16* Half(const at::Tensor& t) { return static_cast<Bf16*>(t.data_ptr()); }
constexpr int64_t kExpandedValues = 1 << 18;  // at once, where weights are kept in blocks

int64_t Up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

bool Packs(const at::Tensor& weight, const std::vector<LoraSlot>& slots) {
  bool fits = weight.scalar_type() == at::kBFloat16 && weight.size(1) % 32 == 0;
  for (const LoraSlot& slot : slots) fits = fits && slot.out % 32 == 0;
  return fits && lm::HasAmx();
}

}  // namespace

LoraGroup::LoraGroup(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& biases,
                     std::vector<LoraSlot> slots, double scale, Path path)
    : in_(weights[0].size(1)), scale_(scale), slots_(std::move(slots)) {
  const bool packs = path == Path::kBest && Packs(weights[0], slots_);
  for (const LoraSlot& slot : slots_) {
    place_.push_back(rank_);
    out_ += slot.out;
    rank_ += packs ? Up(slot.rank, 16) : slot.rank;  // tiles are 16 high
  }
  if (packs) rank_ = Up(rank_, 32);
  const auto options = weights[0].options();
  const at::Tensor all = at::cat(weights, 0);
  a_ = at::zeros({rank_, in_}, options);
  if (biases[0].defined()) bias_ = at::cat(biases, 0);
  if (packs) {
    forward_ = PackedProduct(in_, rank_, out_);
    forward_.Set(0, all, false);
    back_ = PackedProduct(out_, rank_, in_);
    back_.Set(0, all, true);
    if (bias_.defined()) bias32_ = bias_.to(at::kFloat);
    if (!adapted()) return;
    b_ = at::zeros({out_, rank_}, options);
    down_ = PackedProduct(in_, 0, rank_);
    up_ = PackedProduct(out_, 0, rank_);
  } else {
    wide_ = at::zeros({out_, in_ + rank_}, options);
    wide_.narrow(1, 0, in_).copy_(all);
    b_ = wide_.narrow(1, in_, rank_);
  }
}

LoraGroup::LoraGroup(std::vector<std::shared_ptr<const lm::QuantisedMatrix>> blocks, const std::vector<at::Tensor>& biases,
                     std::vector<LoraSlot> slots, double scale, at::ScalarType type)
    : in_(blocks[0]->columns()), scale_(scale), blocks_(std::move(blocks)), slots_(std::move(slots)) {
  for (const LoraSlot& slot : slots_) {
    place_.push_back(rank_);
    out_ += slot.out;
    rank_ += slot.rank;
  }
  a_ = at::zeros({rank_, in_}, type);
  b_ = at::zeros({out_, rank_}, type);
  if (biases[0].defined()) bias_ = at::cat(biases, 0);
}

void LoraGroup::ByExpanded(bool low_rank, const std::function<void(const at::Tensor&, int64_t)>& f) const {
  const int64_t most = std::max<int64_t>(32, kExpandedValues / in_);
  const at::Tensor values = at::empty({most, in_}, at::kFloat), wide = at::empty({most, low_rank ? in_ + rank_ : in_}, a_.scalar_type());
  int64_t first = 0;
  for (const auto& matrix : blocks_)
    for (int64_t begin = 0; begin < matrix->rows(); begin += most) {
      const int64_t n = std::min(most, matrix->rows() - begin);
      ForParts(n, [&](int64_t b, int64_t e) { matrix->Expand(begin + b, begin + e, values.data_ptr<float>() + b * in_); });
      const at::Tensor some = wide.narrow(0, 0, n);
      some.narrow(1, 0, in_).copy_(values.narrow(0, 0, n));
      if (low_rank) some.narrow(1, in_, rank_).copy_(b_.narrow(0, first, n));
      f(some, first);
      first += n;
    }
}

LoraGroup::LoraGroup(const Parameters& parameters, size_t weight, size_t bias, size_t count,
                     at::ScalarType type, Path path)
    : weight_(weight), trained_bias_(bias), trained_(count) {
  const at::Tensor all = parameters.values(weight, count);
  in_ = all.size(1);
  out_ = all.size(0);
  if (path == Path::kBest && type == at::kBFloat16 && in_ % 32 == 0 && out_ % 32 == 0 &&
      lm::HasAmx()) {
    forward_ = PackedProduct(in_, 0, out_);
    back_ = PackedProduct(out_, 0, in_);
  } else {
    wide_ = type == at::kFloat ? all : at::zeros({out_, in_}, all.options().dtype(type));
  }
  if (bias == kNoBias) return;
  bias32_ = parameters.values(bias, count);
  bias_ = type == at::kFloat ? bias32_ : at::zeros({out_}, bias32_.options().dtype(type));
}

void LoraGroup::RefreshWeights(const Parameters& parameters) {
  const at::Tensor all = parameters.values(weight_, trained_);
  if (packed()) {
    const at::Tensor half = all.to(at::kBFloat16);
    forward_.Set(0, half, false);
    back_.Set(0, half, true);
  } else if (wide_.scalar_type() != at::kFloat) {
    wide_.copy_(all);
  }
  if (bias_.defined() && bias_.scalar_type() != at::kFloat) bias_.copy_(bias32_);
}

void LoraGroup::WeightGradients(const at::Tensor& dy, const at::Tensor& x,
                                Parameters& parameters) const {
  at::Tensor grad = parameters.grads(weight_, trained_);
  const at::Tensor input = x.narrow(1, 0, in_);
  if (dy.scalar_type() == at::kFloat)
    grad.addmm_(dy.t(), input);
  else
    grad.add_(at::mm(dy.t(), input));
  if (trained_bias_ != kNoBias)
    parameters.grads(trained_bias_, trained_).add_(dy.sum(0, false, at::kFloat));
}

void LoraGroup::Refresh(const Parameters& parameters) {
  if (trained_ > 0) return RefreshWeights(parameters);
  int64_t row = 0;
  for (size_t i = 0; i < slots_.size(); row += slots_[i++].out) {
    const LoraSlot& slot = slots_[i];
    if (slot.rank == 0) continue;
    a_.narrow(0, place_[i], slot.rank).copy_(parameters.value(slot.a));
    b_.narrow(0, row, slot.out)
        .narrow(1, place_[i], slot.rank)
        .copy_(at::mul(parameters.value(slot.b), scale_));
  }
  if (!packed() || !adapted()) return;
  down_.Set(0, a_, false);
  forward_.Set(in_, b_, false);
  up_.Set(0, b_, true);
  back_.Set(out_, a_, true);
}

at::Tensor LoraGroup::Dropped(const at::Tensor& x, const Drop& drop) const {
  if (drop.p == 0) return x;
  at::Tensor out = at::empty({x.size(0), in_}, x.options());
  WithType(x.scalar_type(), [&](auto t) {
    using T = decltype(t);
    kernels::Dropout<T>(static_cast<const T*>(x.const_data_ptr()), x.stride(0), x.size(0), in_,
                        static_cast<float>(drop.p), drop.key, static_cast<T*>(out.data_ptr()));
  });
  return out;
}

void LoraGroup::Forward(at::Tensor& x, at::Tensor& y, const Range& rows, bool adapters,
                        const Drop& drop) const {
  const bool low_rank = adapters && adapted();
  const at::Tensor input = x.narrow(1, 0, in_), from = low_rank ? Dropped(input, drop) : input;
  if (packed()) {
    Bf16* left = Half(x);
    const int64_t ld = x.stride(0), used = low_rank ? wide() : in_;
    if (low_rank)
      down_.Run({Half(from), from.stride(0), in_}, {}, rows.begin, rows.end, nullptr, left + in_,
                ld);
    forward_.Run({left, ld, used}, {}, rows.begin, rows.end,
                 bias32_.defined() ? bias32_.data_ptr<float>() : nullptr, Half(y), y.stride(0));
    return;
  }
  if (low_rank) x.narrow(1, in_, rank_).copy_(at::mm(from, a_.t()));
  if (!blocks_.empty()) {  // as below, one rounding of both together: what B adds is small beside W's part
    ByExpanded(low_rank, [&](const at::Tensor& some, int64_t first) {
      at::Tensor part = y.narrow(1, first, some.size(0));
      at::mm_out(part, low_rank ? x : input, some.t());
    });
  } else if (low_rank) {
    at::mm_out(y, x, wide_.t());
  } else {
    at::mm_out(y, input, wide_.narrow(1, 0, in_).t());
  }
  if (bias_.defined()) y.add_(bias_);
}

void LoraGroup::Backward(const at::Tensor& dy, at::Tensor& du, at::Tensor& dx, const Range& rows,
                         const Drop& drop) const {
  const bool whole = drop.p == 0 && adapted();  // dx in one product
  if (packed()) {
    const PackedProduct::Left left{Half(dy), dy.stride(0), out_},
        low{adapted() ? Half(du) : nullptr, rank_, rank_};
    if (adapted()) up_.Run(left, {}, rows.begin, rows.end, nullptr, Half(du), rank_);
    if (dx.defined())
      back_.Run(left, whole ? low : PackedProduct::Left{}, rows.begin, rows.end, nullptr, Half(dx),
                dx.stride(0));
  } else {
    if (adapted()) at::mm_out(du, dy, b_);
    if (dx.defined() && blocks_.empty()) at::mm_out(dx, dy, wide_.narrow(1, 0, in_));
    if (dx.defined() && !blocks_.empty()) {
      // Summed in float32, so that cutting W into parts rounds no more often than one product.
      at::Tensor sum = dx.scalar_type() == at::kFloat ? dx : at::empty({dx.size(0), in_}, at::kFloat);
      sum.zero_();
      ByExpanded(false, [&](const at::Tensor& some, int64_t first) {
        const at::Tensor part = dy.narrow(1, first, some.size(0));
        if (dx.scalar_type() == at::kFloat) sum.addmm_(part, some);
        else sum.add_(at::mm(part, some));
      });
      if (dx.scalar_type() != at::kFloat) dx.copy_(sum);
    }
    if (dx.defined() && whole) dx.addmm_(du, a_);
  }
  if (!dx.defined() || whole || !adapted()) return;
  const at::Tensor through = at::mm(du, a_);
  WithType(dx.scalar_type(), [&](auto t) {
    using T = decltype(t);
    kernels::DropoutBackwardAdd<T>(static_cast<const T*>(through.const_data_ptr()), dx.size(0), in_,
                                   static_cast<float>(drop.p), drop.key,
                                   static_cast<T*>(dx.data_ptr()), dx.stride(0));
  });
}

// Strips of 32 columns, of x for A's gradients and of dy for B's, against the low-rank sides
// transposed.
void LoraGroup::PackedGradients(const at::Tensor& dy, const at::Tensor& du, const at::Tensor& u,
                                const at::Tensor& input, Parameters& parameters) const {
  const int64_t m = dy.size(0), strips_a = in_ / 32, strips_b = out_ / 32;
  at::Tensor du_t = at::empty({rank_, m}, du.options()), u_t = at::empty({rank_, m}, du.options());
  kernels::TransposeRows(Half(du), du.stride(0), m, rank_, Half(du_t));
  kernels::TransposeRows(Half(u), u.stride(0), m, rank_, Half(u_t));
  const float scale = static_cast<float>(scale_);
  std::vector<float*> grad_a(slots_.size()), grad_b(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].rank == 0) continue;
    grad_a[i] = parameters.grad(slots_[i].a).data_ptr<float>();
    grad_b[i] = parameters.grad(slots_[i].b).data_ptr<float>();
  }
  // block [16][32] of slot i, its ranks from `first` on, columns from `column` on.
  auto add_a = [&](size_t i, int64_t first, int64_t column, const float* block) {
    for (int64_t r = 0; r < std::min<int64_t>(16, slots_[i].rank - first); ++r) {
      float* to = grad_a[i] + (first + r) * in_ + column;
      for (int64_t c = 0; c < 32; ++c) to[c] += block[r * 32 + c];
    }
  };
  auto add_b = [&](size_t i, int64_t first, int64_t row, const float* block) {
    const int64_t rank = slots_[i].rank, ranks = std::min<int64_t>(16, rank - first);
    for (int64_t c = 0; c < 32; ++c) {
      float* to = grad_b[i] + (row + c) * rank + first;
      for (int64_t r = 0; r < ranks; ++r) to[r] += scale * block[r * 32 + c];
    }
  };
  ForParts(strips_a + strips_b, [&](int64_t begin, int64_t end) {
    alignas(64) float block[16 * 32];
    Bf16* strip = reinterpret_cast<Bf16*>(PackScratch(m * 16));
    for (int64_t unit = begin; unit < end; ++unit) {
      if (unit < strips_a) {
        kernels::PackStrip(Half(input) + unit * 32, input.stride(0), m, strip);
        for (size_t i = 0; i < slots_.size(); ++i)
          for (int64_t first = 0; first < slots_[i].rank; first += 16) {
            kernels::StripProduct(Half(du_t) + (place_[i] + first) * m, m, m, strip, block);
            add_a(i, first, unit * 32, block);
          }
        continue;
      }
      int64_t row = (unit - strips_a) * 32;
      kernels::PackStrip(Half(dy) + row, dy.stride(0), m, strip);
      size_t i = 0;
      for (; row >= slots_[i].out; ++i) row -= slots_[i].out;
      for (int64_t first = 0; first < slots_[i].rank; first += 16) {
        kernels::StripProduct(Half(u_t) + (place_[i] + first) * m, m, m, strip, block);
        add_b(i, first, row, block);
      }
    }
  });
}

void LoraGroup::Gradients(const at::Tensor& dy, const at::Tensor& du, const at::Tensor& x,
                          const Drop& drop, Parameters& parameters) const {
  if (trained_ > 0) return WeightGradients(dy, x, parameters);
  if (!adapted()) return;
  const at::Tensor input = Dropped(x.narrow(1, 0, in_), drop), u = x.narrow(1, in_, rank_);
  if (packed()) return PackedGradients(dy, du, u, input, parameters);
  const at::Tensor da = at::mm(du.t(), input), db = at::mm(u.t(), dy);  // [rank, in], [rank, out]
  int64_t row = 0;
  for (size_t i = 0; i < slots_.size(); row += slots_[i++].out) {
    const LoraSlot& slot = slots_[i];
    if (slot.rank == 0) continue;
    parameters.grad(slot.a).add_(da.narrow(0, place_[i], slot.rank));
    parameters.grad(slot.b).add_(
        db.narrow(0, place_[i], slot.rank).narrow(1, row, slot.out).t(), scale_);
  }
}

at::Tensor LoraGroup::Forward(at::Tensor& x, bool adapters, const Drop& drop) const {
  at::Tensor y = at::empty({x.size(0), out_}, x.options());
  Forward(x, y, {0, x.size(0)}, adapters, drop);
  return y;
}

at::Tensor LoraGroup::Backward(const at::Tensor& dy, const at::Tensor& x, bool want_dx,
                               const Drop& drop, Parameters& parameters) const {
  at::Tensor du = at::empty({dy.size(0), rank_}, dy.options()), dx;
  if (want_dx) dx = at::empty({dy.size(0), in_}, dy.options());
  Backward(dy, du, dx, {0, dy.size(0)}, drop);
  Gradients(dy, du, x, drop, parameters);
  return dx;
}

}  // namespace plumb::train
