// The decoder's forward and backward pass for training: fused, without padding, for adapters alone
// or for every weight.
//
// The mathematics is lm::CausalLm::Hidden's, and a test holds the two together; here the backward
// pass is written out, the residual stream is float32 whatever the compute type, and sequences that
// begin alike share work (token_trie.h).
#pragma once

#include <memory>

#include "model/lm/causal_lm.h"
#include "model/train/full_weights.h"
#include "model/train/lora_group.h"
#include "model/train/token_trie.h"

namespace plumb::train {

struct LoraOptions {
  int64_t r = 16;
  double alpha = 32;
  double dropout = 0;
  bool rslora = false;
  std::vector<std::string>
      target_modules;  // last parts of module paths; empty: every linear layer but the output
  // Indices of the layers that get adapters (PEFT's key); empty: all. The backward pass ends at the
  // lowest of them, and up to 512 MiB of what enters it are kept for later epochs (prefix_cache.h).
  std::vector<int64_t> layers_to_transform;
  double Scale() const;
  bool Transforms(int64_t layer) const;
};

// Which of a pass's parts are wanted.
struct PassOptions {
  bool adapters = true;
  bool keep = false;      // hold what Backward needs
  uint64_t drop_key = 0;  // with LoraOptions::dropout: names this pass's masks; 0: no dropout
};

// What one layer saw in the last pass with `keep`, at every node: the residual stream float32, what its
// projections read in the compute type, each [nodes, hidden]. Undefined below the lowest adapted layer.
struct LayerStreams {
  at::Tensor entering, attention_in, between, mlp_in;
};

class Trunk {
 public:
  // Adds the adapters' matrices to `parameters` under PEFT's names
  // ("base_model.model.….lora_A.weight"), allocates them, and puts them on the model's linears too,
  // sharing memory. Both must outlive the trunk. Errors: kInvalid (a target module the model
  // lacks), kUnsupported (a width not divisible by 16).
  static Result<std::unique_ptr<Trunk>> Create(lm::CausalLm& model, const LoraOptions& lora,
                                               Parameters& parameters);
  // Without adapters: every weight is trained. `weights` is of this model, and outlives the trunk.
  static Result<std::unique_ptr<Trunk>> CreateFull(lm::CausalLm& model, FullWeights& weights);
  ~Trunk();

  // Not null where every weight is trained: then there is no base beside the model as it is.
  FullWeights* full() const;

  void Refresh();  // after the parameters changed
  // → the residual stream after the last layer, float32 [nodes, hidden], before the final norm.
  at::Tensor Forward(const TokenTrie& batch, const PassOptions& options);
  size_t layers() const;
  LayerStreams Streams(size_t layer) const;  // not after Backward
  // dx [nodes, hidden] float32 is used up. The batch must be that of the last Forward with `keep`.
  void Backward(const TokenTrie& batch, at::Tensor dx);

 private:
  struct Impl;
  explicit Trunk(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// PEFT's initial values: A uniform in ±1/√in (Kaiming with a = √5), B zero.
void InitialiseLora(Parameters& parameters, uint64_t seed);

}  // namespace plumb::train
