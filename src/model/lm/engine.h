// The fast decoder: packed weights and a paged key-value cache. Tokens of many sequences go through together, without
// padding; sequences may be at any length, and prompts and single new tokens mix.
//
//   PLUMB_TRY(auto engine, Engine::Make(*model, Precision::kBFloat16));   // adapters are merged in
//   KvSequence sequence;
//   const float* logits = engine->Step({{&sequence, prompt_ids, 1}});      // [1, vocab]: after the last token
//
// Not thread-safe: one thread drives an engine and its sequences (its products use libtorch's thread pool). In kFloat32 the logits of a
// sequence are bit-identical whatever else is in the step and however its prompt was cut into steps.
#pragma once

#include <memory>
#include <span>

#include "model/lm/causal_lm.h"
#include "model/lm/packed.h"

namespace plumb::lm {

// Keys and values of kKvBlock tokens, all layers: for each layer and key-value head, keys [dim][kKvBlock], then
// values [kKvBlock][dim].
struct KvPage {
  Buffer<float> f32;
  Buffer<bf16> b16;
};

// Pages that are free again: giving a page back to the system and taking it anew costs more than filling it.
class KvPool {
 public:
  KvPool() : free_(std::make_shared<std::vector<std::unique_ptr<KvPage>>>()) {}
  std::shared_ptr<KvPage> Take(size_t values, bool float32);

 private:
  std::shared_ptr<std::vector<std::unique_ptr<KvPage>>> free_;
};

// What a sequence has been through. Full pages may be shared between sequences that begin alike.
struct KvSequence {
  std::vector<std::shared_ptr<KvPage>> pages;
  int64_t length = 0;

  // Shares the pages of `tokens` whole pages with another sequence.
  KvSequence Prefix(int64_t tokens) const;
};

class Engine {
 public:
  struct Work {
    KvSequence* sequence;
    std::span<const int32_t> tokens;  // appended to the sequence
    int64_t logits;                   // how many of the last tokens to give logits for
  };

  // Error: kUnsupported (a width the kernels cannot do), kExhausted.
  static Result<std::unique_ptr<Engine>> Make(const CausalLm& model, Precision precision);

  // Runs every work item; returns their logits rows one after another, [sum of logits, vocab], valid until the next
  // Step. Sequences must fit the context; sum of tokens is at most kMaxTokens.
  const float* Step(const std::vector<Work>& work);
  static constexpr int64_t kMaxTokens = 512;

  const LmConfig& config() const { return config_; }
  Precision precision() const { return precision_; }
  // Bytes of one page of the cache.
  size_t PageBytes() const;

 private:
  struct Layer {
    Buffer<float> input_norm, post_norm, q_norm, k_norm, qkv_bias;
    PackedLinear qkv, o, gate_up, down;
  };
  struct Row {
    KvSequence* sequence;
    int64_t position;
  };

  template <class T>
  const float* Run(const std::vector<Work>& work);
  void Embed(const std::vector<Work>& work);
  template <class T>
  void StoreKeysAndValues(const Layer& layer, int64_t index);
  template <class T>
  void Attend(int64_t layer);
  int64_t PageOffset(int64_t layer, int64_t head) const { return (layer * config_.kv_heads + head) * 2 * config_.head_dim * kKvBlock; }

  LmConfig config_;
  Precision precision_ = Precision::kFloat32;
  at::Tensor embedding_;  // float32 or bfloat16 [vocab, hidden]
  Buffer<float> final_norm_, cos_, sin_;  // cos, sin [context, head_dim / 2]
  std::vector<Layer> layers_;
  PackedLinear lm_head_;

  KvPool pool_;
  std::vector<Row> rows_;
  Buffer<float> x_, wide_, mixed_, logits_, normal_;
  Buffer<bf16> normal16_;
};

}  // namespace plumb::lm
