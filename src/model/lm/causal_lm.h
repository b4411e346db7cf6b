// A decoder of the Llama family (Llama, SmolLM2, Mistral, Qwen2/2.5, Qwen3): weights, and the forward pass as the
// mathematics reads, differentiable. Generation has a faster pass of its own (engine.h); a test holds the two together.
//
//   PLUMB_TRY(auto model, CausalLm::Load("smollm2", {.type = at::kFloat}));
//   at::Tensor logits = model->Logits(model->Hidden(ids, {n}));   // ids [n] int64 → [n, vocab]
//
// Sequences are packed, one after another without padding: `ids` [tokens] and their `lengths`. Positions begin at 0 in
// each. Const methods may run in several threads; changing weights or adapters may not run beside them.
#pragma once

#include <functional>

#include "model/lm/config.h"
#include "model/lm/linear.h"

namespace plumb::lm {

struct LoadOptions {
  at::ScalarType type = at::kFloat;  // or at::kBFloat16
  // The layers' projections stay in blocks of about 4 bits a weight: as a GGUF stores them, where in blocks (but Q8_0), else as Q4_0.
  bool blocks = false;
};

// What loading will take, from the files' headers alone.
struct LoadEstimate {
  int64_t parameters = 0;
  size_t memory_bytes = 0;
  double seconds = 0;
  std::string Text() const;  // "134.5 M parameters, 513 MiB, about 1 s"
};

class CausalLm {
 public:
  struct Layer {
    at::Tensor input_norm, post_norm;  // [hidden]
    at::Tensor q_norm, k_norm;         // [head_dim], Qwen3 only
    Linear q, k, v, o, gate, up, down;
  };

  // `model`: "smollm2" (the embedded model in the cache), a Hugging Face folder, or a .gguf file.
  // Errors: kNotFound, kCorrupt, kUnsupported; unknown and missing tensors are named.
  static Result<std::unique_ptr<CausalLm>> Load(const std::string& model, const LoadOptions& options = {});
  // The shape alone, from the files' headers.
  static Result<LmConfig> ReadConfig(const std::string& model);
  static Result<LoadEstimate> Estimate(const std::string& model, const LoadOptions& options = {});

  const LmConfig& config() const { return config_; }
  at::ScalarType type() const { return embedding_.scalar_type(); }
  const fs::path& path() const { return path_; }

  // ids [tokens] int64, lengths summing to tokens → the last layer's normalised output [tokens, hidden].
  at::Tensor Hidden(const at::Tensor& ids, const std::vector<int64_t>& lengths) const;
  // The same from what the tokens are embedded as, x [tokens, hidden] in the model's type; differentiable in x.
  at::Tensor HiddenFrom(at::Tensor x, const std::vector<int64_t>& lengths) const;
  // [n, hidden] → [n, vocab]. Select rows first: the vocabulary is large.
  at::Tensor Logits(const at::Tensor& hidden) const;

  // A projection by its Hugging Face module path, e.g. "model.layers.0.self_attn.q_proj" or "lm_head" (untied only);
  // nullptr where there is none.
  Linear* FindLinear(std::string_view path);
  const Linear* FindLinear(std::string_view path) const { return const_cast<CausalLm*>(this)->FindLinear(path); }
  // Every projection with its path, in layer order.
  std::vector<std::pair<std::string, Linear*>> Linears();
  // Every stored tensor becomes f(its Hugging Face name, the tensor); a tied output projection follows the embedding.
  void MapTensors(const std::function<at::Tensor(const std::string&, const at::Tensor&)>& f);
  // Every stored parameter under its Hugging Face name; adapters merged in, float32.
  std::map<std::string, at::Tensor> MergedParameters() const;

  const at::Tensor& embedding() const { return embedding_; }
  const at::Tensor& final_norm() const { return final_norm_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const Linear& lm_head() const { return lm_head_; }

 private:
  at::Tensor Attention(const Layer& layer, const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                       const std::vector<int64_t>& lengths) const;

  LmConfig config_;
  fs::path path_;
  at::Tensor embedding_;   // [vocab, hidden]
  at::Tensor final_norm_;  // [hidden]
  std::vector<Layer> layers_;
  Linear lm_head_;  // shares embedding_ where tied
};

// The folder or file `model` stands for. Errors: kNotFound, with near names.
Result<fs::path> FindModel(const std::string& model);

// RoPE angles for `positions` [tokens] → cos, sin, each [tokens, head_dim / 2] float32.
std::pair<at::Tensor, at::Tensor> RopeTable(const LmConfig& config, const std::vector<int64_t>& positions);

}  // namespace plumb::lm
