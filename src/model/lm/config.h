// What a decoder of the Llama family is made of, read from config.json or from GGUF metadata.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/lm/gguf.h"

namespace plumb::lm {

struct LmConfig {
  std::string family;  // "llama", "mistral", "qwen2", "qwen3": Hugging Face's model_type
  int64_t vocab = 0;
  int64_t hidden = 0;
  int64_t intermediate = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t context = 0;  // tokens; with a sliding window, the window (beyond it the result would differ)
  double rope_theta = 10000;
  std::vector<double> rope_factors;  // each of head_dim / 2 frequencies is divided by its factor; empty: all 1
  double rms_eps = 1e-6;
  bool tied = false;      // the output projection is the embedding
  bool qkv_bias = false;  // Qwen2
  bool qk_norm = false;   // Qwen3
  int64_t bos = -1;       // -1: none
  std::vector<int64_t> eos;

  int64_t Parameters() const;
};

// Errors: kUnsupported (another family, activation or RoPE scaling, named), kInvalid.
Result<LmConfig> LmConfigFromJson(const json::object& config, std::string_view where);
Result<LmConfig> LmConfigFromGguf(const Gguf& gguf, std::string_view where);
// config.json as transformers reads it.
json::object ToHuggingFaceConfig(const LmConfig& config);

}  // namespace plumb::lm
