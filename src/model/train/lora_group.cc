#include "model/train/lora_group.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/zeros.h>

#include "model/train/kernels.h"

namespace plumb::train {
namespace {

template <class F>
void WithType(at::ScalarType type, const F& f) {
  if (type == at::kFloat)
    f(float{});
  else
    f(kernels::Bf16{});
}

}  // namespace

LoraGroup::LoraGroup(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& biases,
                     std::vector<LoraSlot> slots, double scale)
    : in_(weights[0].size(1)), scale_(scale), slots_(std::move(slots)) {
  for (const LoraSlot& slot : slots_) {
    out_ += slot.out;
    rank_ += slot.rank;
  }
  wide_ = at::zeros({out_, in_ + rank_}, weights[0].options());
  wide_.narrow(1, 0, in_).copy_(at::cat(weights, 0));
  a_ = at::zeros({rank_, in_}, weights[0].options());
  if (biases[0].defined()) bias_ = at::cat(biases, 0);
}

void LoraGroup::Refresh(const Parameters& parameters) {
  int64_t row = 0, rank = 0;
  for (const LoraSlot& slot : slots_) {
    if (slot.rank > 0) {
      a_.narrow(0, rank, slot.rank).copy_(parameters.value(slot.a));
      wide_.narrow(0, row, slot.out)
          .narrow(1, in_ + rank, slot.rank)
          .copy_(at::mul(parameters.value(slot.b), scale_));
    }
    row += slot.out;
    rank += slot.rank;
  }
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

at::Tensor LoraGroup::Forward(at::Tensor& x, bool adapters, const Drop& drop) const {
  const at::Tensor input = x.narrow(1, 0, in_);
  at::Tensor y;
  if (adapters && adapted()) {
    x.narrow(1, in_, rank_).copy_(at::mm(Dropped(input, drop), a_.t()));
    y = at::mm(x, wide_.t());
  } else {
    y = at::mm(input, wide_.narrow(1, 0, in_).t());
  }
  if (bias_.defined()) y.add_(bias_);
  return y;
}

at::Tensor LoraGroup::Backward(const at::Tensor& dy, const at::Tensor& x, bool want_dx,
                               const Drop& drop, Parameters& parameters) const {
  if (!adapted()) return want_dx ? at::mm(dy, wide_) : at::Tensor();
  const at::Tensor input = Dropped(x.narrow(1, 0, in_), drop), u = x.narrow(1, in_, rank_);
  at::Tensor dx, du;
  if (want_dx) {
    dx = at::mm(dy, wide_);
    du = dx.narrow(1, in_, rank_);
    at::Tensor head = dx.narrow(1, 0, in_);
    if (drop.p == 0) {
      head.addmm_(du, a_);
    } else {
      const at::Tensor through = at::mm(du, a_);
      WithType(x.scalar_type(), [&](auto t) {
        using T = decltype(t);
        kernels::DropoutBackwardAdd<T>(static_cast<const T*>(through.const_data_ptr()), x.size(0),
                                       in_, static_cast<float>(drop.p), drop.key,
                                       static_cast<T*>(head.data_ptr()), head.stride(0));
      });
    }
  } else {
    du = at::mm(dy, wide_.narrow(1, in_, rank_));
  }
  const at::Tensor da = at::mm(du.t(), input), db = at::mm(u.t(), dy);  // [rank, in], [rank, out]
  int64_t row = 0, rank = 0;
  for (const LoraSlot& slot : slots_) {
    if (slot.rank > 0) {
      parameters.grad(slot.a).add_(da.narrow(0, rank, slot.rank));
      parameters.grad(slot.b).add_(db.narrow(0, rank, slot.rank).narrow(1, row, slot.out).t(),
                                   scale_);
    }
    row += slot.out;
    rank += slot.rank;
  }
  return dx;
}

}  // namespace plumb::train
