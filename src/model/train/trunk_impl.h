// What a trunk holds, and one pass over it: forward in trunk_forward.cc, backward in
// trunk_backward.cc. Private to this room.
#pragma once

#include <ATen/ops/empty.h>

#include <functional>
#include <optional>

#include "model/train/kernels.h"
#include "model/train/prefix_cache.h"
#include "model/train/random.h"
#include "model/train/trunk.h"

namespace plumb::train {

template <class T>
T* Data(const at::Tensor& t) {
  return static_cast<T*>(t.data_ptr());
}

template <class T>
T* Row(const at::Tensor& t, int64_t i) {
  return Data<T>(t) + i * t.stride(0);
}

// What the backward pass of one layer needs.
struct Kept {
  at::Tensor x, inv1, n1, qkv, rotated_from, lse,
      o;  // rotated_from: qkv after the head norms, or qkv
  at::Tensor x1, inv2, n2, gate_up, act;
};

struct Trunk::Impl {
  struct Layer {
    at::Tensor norm1, norm2, q_norm, k_norm;  // float32
    LoraGroup qkv, o, gate_up, down;
    // Where every weight is trained: the parameters of the norms.
    size_t norm1_at = 0, norm2_at = 0, q_norm_at = 0, k_norm_at = 0;
  };

  const lm::LmConfig config;
  const at::ScalarType type;
  const at::Tensor embedding;
  const double dropout;
  Parameters& parameters;
  std::vector<Layer> layers;
  std::vector<Kept> kept;
  uint64_t kept_key = 0;
  size_t lowest = 0;                 // adapted layer; nothing below it is trained
  std::optional<PrefixCache> below;  // what enters it, where looking that up saves work
  bool packed = false;               // every product of every layer
  FullWeights* full = nullptr;       // every weight is trained
  at::Tensor cos, sin;

  Impl(const lm::CausalLm& model, double dropout, Parameters& parameters)
      : config(model.config()),
        type(model.type()),
        embedding(model.embedding()),
        dropout(dropout),
        parameters(parameters) {}

  at::Tensor Empty(int64_t rows, int64_t columns) const { return at::empty({rows, columns}, type); }
  at::Tensor EmptyFloat(int64_t rows, int64_t columns) const {
    return at::empty({rows, columns}, at::kFloat);
  }
  LoraGroup::Drop DropOf(uint64_t key, size_t layer, uint64_t part) const {
    if (dropout == 0 || key == 0) return {};
    return {dropout, MixBits(key + (layer * 4 + part + 1) * 0x9e3779b97f4a7c15ull)};
  }
  kernels::AttentionShape Shape(int64_t longest);
  // What is left to build once the layers are there.
  void Finish();
  // Where every weight is trained: the gradients of a norm's weights, dy [n, hidden] of its output.
  void NormGradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& inv,
                    size_t at) const;
  void HeadNormGradients(const Layer& l, const at::Tensor& dqkv, const at::Tensor& qkv) const;

  // Runs `f` on ranges of rows, one for each thread: all that a layer does between its attention
  // and the next layer's is done row by row, in one go. Plain products and dropout want all rows.
  void ByRows(int64_t n, const std::function<void(const LoraGroup::Range&)>& f) const;
  Kept Begin(const Layer& l, const at::Tensor& x) const;
  template <class T>
  void Enter(size_t i, Kept& k, const PassOptions& options, const LoraGroup::Range& rows) const;
  template <class T>
  void Leave(size_t i, Kept& k, const PassOptions& options, const LoraGroup::Range& rows,
             at::Tensor& passing, const at::Tensor& out) const;
  template <class T>
  at::Tensor Forward(const TokenTrie& batch, const PassOptions& options);
  template <class T>
  void Backward(const TokenTrie& batch, at::Tensor dx);
};

}  // namespace plumb::train
