// An encoder of the BERT family (BERT, MiniLM): weights, and the forward pass as the mathematics reads, differentiable.
// EncoderEngine (encoder_engine.h) is the fast one.
//
//   PLUMB_TRY(auto encoder, Encoder::Load("minilm"));
//   at::Tensor rows = encoder->Pool(encoder->Hidden(ids, lengths), lengths);   // [texts, hidden]
//
// Sequences are packed without padding, as in CausalLm. Thread-safety as there.
#pragma once

#include "model/lm/adapter.h"
#include "model/lm/causal_lm.h"

namespace plumb::lm {

struct EncoderConfig {
  int64_t vocab = 0, hidden = 0, intermediate = 0, layers = 0, heads = 0;
  int64_t positions = 0;  // the longest text, in tokens
  int64_t types = 0;
  double eps = 1e-12;
  std::string pooling = "mean";  // or "cls"
};

struct LayerNorm {
  at::Tensor weight, bias;
};

class Encoder {
 public:
  struct Layer {
    Linear query, key, value, attention_output, intermediate, output;
    LayerNorm attention_norm, output_norm;
  };

  // "minilm" or a Hugging Face folder. Errors as CausalLm::Load.
  static Result<std::unique_ptr<Encoder>> Load(const std::string& model, const LoadOptions& options = {});
  // What Load will need, read from the configuration alone.
  static Result<LoadEstimate> Estimate(const std::string& model, const LoadOptions& options = {});

  const EncoderConfig& config() const { return config_; }
  const fs::path& path() const { return path_; }

  // ids [tokens] int64 → [tokens, hidden]. `types` [tokens] int64 says which text of a pair a token belongs to;
  // undefined: all 0.
  at::Tensor Hidden(const at::Tensor& ids, const std::vector<int64_t>& lengths, const at::Tensor& types = {}) const;
  // One row a sequence: the mean of its tokens, or its first token. [texts, hidden], not normalised.
  at::Tensor Pool(const at::Tensor& hidden, const std::vector<int64_t>& lengths) const;
  at::Tensor Pool(const at::Tensor& hidden, const std::vector<int64_t>& lengths, std::string_view pooling) const;

  // "encoder.layer.0.attention.self.query", ".key", ".value", "encoder.layer.0.attention.output.dense",
  // "encoder.layer.0.intermediate.dense", "encoder.layer.0.output.dense".
  NamedLinears Linears();

  const at::Tensor& words() const { return words_; }
  const at::Tensor& position_table() const { return positions_; }
  const at::Tensor& type_table() const { return types_; }
  const LayerNorm& embedding_norm() const { return embedding_norm_; }
  const std::vector<Layer>& layers() const { return layers_; }

 private:
  EncoderConfig config_;
  fs::path path_;
  at::Tensor words_, positions_, types_;
  LayerNorm embedding_norm_;
  std::vector<Layer> layers_;
};

}  // namespace plumb::lm
