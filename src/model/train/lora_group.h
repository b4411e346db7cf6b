// Projections that read the same input (q, k, v; gate, up; o; down), with their LoRA adapters, as
// one matrix product.
//
// Hu et al. 2021: y = W x + s·B (A x). With u = A x the pair is one product of [x | u] with [W |
// s·B], and its backward product gives dx and du together; [x | u] is what `Wide` buffers hold.
// Frozen weights and the copies of A and B are of the compute type; the adapters' own values and
// gradients are float32 (parameters.h).
#pragma once

#include "model/train/parameters.h"

namespace plumb::train {

struct LoraSlot {
  int64_t out = 0;      // rows of W this projection takes
  int64_t rank = 0;     // 0: not adapted
  size_t a = 0, b = 0;  // indices in Parameters
};

class LoraGroup {
 public:
  LoraGroup() = default;
  // weights: [out, in] each, of the compute type; biases may be undefined.
  LoraGroup(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& biases,
            std::vector<LoraSlot> slots, double scale);

  int64_t in() const { return in_; }
  int64_t out() const { return out_; }
  int64_t wide() const { return in_ + rank_; }
  bool adapted() const { return rank_ > 0; }

  // Copies the adapters' values into the compute type; after every optimiser step.
  void Refresh(const Parameters& parameters);

  struct Drop {
    double p = 0;
    uint64_t key = 0;
  };
  // x: [n, wide], its first `in` columns filled; the rest is filled here. → y [n, out]. With
  // `adapters` false the base.
  at::Tensor Forward(at::Tensor& x, bool adapters, const Drop& drop) const;
  // dy [n, out] → dx [n, wide], of which the first `in` columns are the gradient (undefined where
  // !want_dx); adds the adapters' gradients to `parameters`.
  at::Tensor Backward(const at::Tensor& dy, const at::Tensor& x, bool want_dx, const Drop& drop,
                      Parameters& parameters) const;

 private:
  at::Tensor Dropped(const at::Tensor& x, const Drop& drop) const;

  int64_t in_ = 0, out_ = 0, rank_ = 0;
  double scale_ = 1;
  at::Tensor wide_;  // [out, in + rank]: [W | s·B], B block-diagonal
  at::Tensor a_;     // [rank, in]
  at::Tensor bias_;  // [out] or undefined
  std::vector<LoraSlot> slots_;
};

}  // namespace plumb::train
