// Projections that read the same input (q, k, v; gate, up; o; down), with their LoRA adapters, as
// one matrix product; or without adapters, trained themselves.
//
// Hu et al. 2021: y = W x + s·B (A x). With u = A x the pair is one product of [x | u] with [W |
// s·B]; backward, du = (s·B)ᵀ dy, and dx is one product of [dy | du] with [W ; A]. [x | u] is what
// `wide` buffers hold. Frozen weights and the copies of A and B are of the compute type; the
// adapters' own values and gradients are float32 (parameters.h). In bfloat16 on a processor with
// AMX, and where the widths are multiples of 32, the weights are packed once for both directions
// (packed_product.h), and the products round once where the plain ones round each sum.
#pragma once

#include <functional>
#include <memory>

#include "model/lm/quantised.h"
#include "model/train/packed_product.h"
#include "model/train/parameters.h"

namespace plumb::train {

struct LoraSlot {
  int64_t out = 0;      // rows of W this projection takes
  int64_t rank = 0;     // 0: not adapted
  size_t a = 0, b = 0;  // indices in Parameters
};

class LoraGroup {
 public:
  enum class Path { kBest, kPlain };

  LoraGroup() = default;
  // weights: [out, in] each, of the compute type; biases may be undefined.
  LoraGroup(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& biases,
            std::vector<LoraSlot> slots, double scale, Path path = Path::kBest);
  // The weights stay in blocks and are expanded a few rows at a time, forward and backward, into the compute type: less than a
  // third of bfloat16's memory, a tenth of what the packed form takes beside it.
  LoraGroup(std::vector<std::shared_ptr<const lm::QuantisedMatrix>> blocks, const std::vector<at::Tensor>& biases,
            std::vector<LoraSlot> slots, double scale, at::ScalarType type);
  // Without adapters: the weights are `count` parameters from `weight` on, the biases as many from
  // `bias` on (kNoBias: none). Refresh fills them in.
  static constexpr size_t kNoBias = static_cast<size_t>(-1);
  LoraGroup(const Parameters& parameters, size_t weight, size_t bias, size_t count,
            at::ScalarType type, Path path = Path::kBest);

  int64_t in() const { return in_; }
  int64_t out() const { return out_; }
  int64_t rank() const { return rank_; }  // of the adapters together, rounded up where packed
  int64_t wide() const { return in_ + rank_; }
  bool adapted() const { return rank_ > 0; }
  bool packed() const { return forward_.defined(); }

  // Copies what is trained into the compute type; after every optimiser step.
  void Refresh(const Parameters& parameters);

  struct Drop {
    double p = 0;
    uint64_t key = 0;
  };
  // Rows [begin, end), multiples of 32; all of them where the group is not packed or drops. Several
  // threads may do one range each.
  struct Range {
    int64_t begin = 0, end = 0;
  };
  // x: [n, wide], its first `in` columns filled; the rest is filled here. → y [n, out]. With
  // `adapters` false the base.
  void Forward(at::Tensor& x, at::Tensor& y, const Range& rows, bool adapters,
               const Drop& drop) const;
  // dy [n, out] → du [n, rank], and dx [n, in] (undefined: not wanted).
  void Backward(const at::Tensor& dy, at::Tensor& du, at::Tensor& dx, const Range& rows,
                const Drop& drop) const;
  // Adds the gradients of what is trained to `parameters`, of all rows.
  void Gradients(const at::Tensor& dy, const at::Tensor& du, const at::Tensor& x, const Drop& drop,
                 Parameters& parameters) const;

  // The same for all rows at once.
  at::Tensor Forward(at::Tensor& x, bool adapters, const Drop& drop) const;
  at::Tensor Backward(const at::Tensor& dy, const at::Tensor& x, bool want_dx, const Drop& drop,
                      Parameters& parameters) const;

 private:
  // f(rows of [W | s·B] in the compute type [n, in + rank], the first of them) over all of W; of W alone, without `low_rank`.
  void ByExpanded(bool low_rank, const std::function<void(const at::Tensor& some, int64_t first)>& f) const;
  at::Tensor Dropped(const at::Tensor& x, const Drop& drop) const;
  void RefreshWeights(const Parameters& parameters);
  void WeightGradients(const at::Tensor& dy, const at::Tensor& x, Parameters& parameters) const;
  void PackedGradients(const at::Tensor& dy, const at::Tensor& du, const at::Tensor& u,
                       const at::Tensor& input, Parameters& parameters) const;

  int64_t in_ = 0, out_ = 0, rank_ = 0;
  double scale_ = 1;
  std::vector<std::shared_ptr<const lm::QuantisedMatrix>> blocks_;  // where W is kept in blocks, below one another
  at::Tensor wide_;                          // plain: [out, in + rank]: [W | s·B], B block-diagonal
  at::Tensor a_, b_;                         // [rank, in]; s·B [out, rank], block-diagonal
  at::Tensor bias_;                          // [out] or undefined
  at::Tensor bias32_;                        // packed: the same in float32
  PackedProduct down_, forward_, up_, back_;  // packed: Aᵀ, [W | s·B]ᵀ, s·B, [W ; A]
  std::vector<LoraSlot> slots_;
  std::vector<int64_t> place_;  // of each slot in the ranks
  size_t weight_ = 0, trained_bias_ = kNoBias, trained_ = 0;  // parameters; trained_ 0: adapters
};

}  // namespace plumb::train
