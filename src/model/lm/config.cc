#include "model/lm/config.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace plumb::lm {
namespace {

// Llama 3.1's frequency scaling (transformers, modeling_rope_utils.py: _compute_llama3_parameters) as divisors.
Result<std::vector<double>> Llama3Factors(const json::object& rope, const LmConfig& c) {
  PLUMB_TRY(double factor, GetNumber(rope, "factor"));
  PLUMB_TRY(double low, GetNumber(rope, "low_freq_factor"));
  PLUMB_TRY(double high, GetNumber(rope, "high_freq_factor"));
  PLUMB_TRY(double original, GetNumber(rope, "original_max_position_embeddings"));
  if (factor <= 0 || high <= low) return Fail(Code::kInvalid, "rope scaling factors are impossible");
  std::vector<double> factors;
  for (int64_t i = 0; i < c.head_dim / 2; ++i) {
    const double frequency = std::pow(c.rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(c.head_dim));
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < original / high) {
      factors.push_back(1);
    } else if (wavelength > original / low) {
      factors.push_back(factor);
    } else {
      const double smooth = (original / wavelength - low) / (high - low);
      factors.push_back(1 / ((1 - smooth) / factor + smooth));
    }
  }
  return factors;
}

Status ReadRope(const json::object& config, LmConfig& c) {
  PLUMB_TRY(c.rope_theta, GetNumberOr(config, "rope_theta", 10000));
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const json::object* rope = FindObject(config, key);
    if (!rope) continue;
    PLUMB_TRY(c.rope_theta, GetNumberOr(*rope, "rope_theta", c.rope_theta));
    PLUMB_TRY(std::string legacy, GetStringOr(*rope, "type", "default"));
    PLUMB_TRY(std::string type, GetStringOr(*rope, "rope_type", legacy));
    if (type == "llama3") {
      PLUMB_TRY(c.rope_factors, Llama3Factors(*rope, c));
    } else if (type == "linear") {
      PLUMB_TRY(double factor, GetNumber(*rope, "factor"));
      c.rope_factors.assign(c.head_dim / 2, factor);
    } else if (type != "default") {
      return Fail(Code::kUnsupported, "RoPE scaling '{}' is not one of default, linear, llama3", type);
    }
  }
  return {};
}

Status Check(const LmConfig& c) {
  auto positive = [](int64_t v, int64_t most) { return v > 0 && v <= most; };
  if (!positive(c.vocab, 1 << 24) || !positive(c.hidden, 1 << 17) || !positive(c.intermediate, 1 << 20) ||
      !positive(c.layers, 1 << 12) || !positive(c.heads, 1 << 12) || !positive(c.kv_heads, c.heads) ||
      !positive(c.head_dim, 1 << 12) || !positive(c.context, int64_t{1} << 30))
    return Fail(Code::kInvalid, "a size is missing or impossible");
  if (c.heads % c.kv_heads != 0) return Fail(Code::kInvalid, "{} heads cannot share {} key-value heads", c.heads, c.kv_heads);
  if (c.head_dim % 2 != 0) return Fail(Code::kInvalid, "head_dim {} is odd", c.head_dim);
  if (!c.rope_factors.empty() && static_cast<int64_t>(c.rope_factors.size()) != c.head_dim / 2)
    return Fail(Code::kInvalid, "{} RoPE factors for head_dim {}", c.rope_factors.size(), c.head_dim);
  return {};
}

Status ReadSizes(const json::object& config, LmConfig& c) {
  PLUMB_TRY(c.vocab, GetInt(config, "vocab_size"));
  PLUMB_TRY(c.hidden, GetInt(config, "hidden_size"));
  PLUMB_TRY(c.intermediate, GetInt(config, "intermediate_size"));
  PLUMB_TRY(c.layers, GetInt(config, "num_hidden_layers"));
  PLUMB_TRY(c.heads, GetInt(config, "num_attention_heads"));
  if (c.heads <= 0) return Fail(Code::kInvalid, "num_attention_heads is {}", c.heads);
  PLUMB_TRY(c.kv_heads, GetIntOr(config, "num_key_value_heads", c.heads));
  PLUMB_TRY(c.head_dim, GetIntOr(config, "head_dim", c.hidden / c.heads));
  PLUMB_TRY(c.context, GetIntOr(config, "max_position_embeddings", 2048));
  PLUMB_TRY(c.rms_eps, GetNumberOr(config, "rms_norm_eps", 1e-6));
  PLUMB_TRY(c.tied, GetBoolOr(config, "tie_word_embeddings", false));
  PLUMB_TRY(c.bos, GetIntOr(config, "bos_token_id", -1));
  if (const json::array* several = FindArray(config, "eos_token_id")) {
    for (const auto& id : *several)
      if (id.is_int64()) c.eos.push_back(id.get_int64());
  } else {
    PLUMB_TRY(int64_t eos, GetIntOr(config, "eos_token_id", -1));
    if (eos >= 0) c.eos.push_back(eos);
  }
  return {};
}

Status ReadFamily(const json::object& config, LmConfig& c) {
  PLUMB_TRY(c.family, GetString(config, "model_type"));
  if (c.family != "llama" && c.family != "mistral" && c.family != "qwen2" && c.family != "qwen3")
    return Fail(Code::kUnsupported, "model_type '{}' is not one of llama, mistral, qwen2, qwen3", c.family);
  PLUMB_TRY(std::string activation, GetStringOr(config, "hidden_act", "silu"));
  if (activation != "silu") return Fail(Code::kUnsupported, "hidden_act '{}' is not silu", activation);
  PLUMB_TRY(bool attention_bias, GetBoolOr(config, "attention_bias", false));
  PLUMB_TRY(bool mlp_bias, GetBoolOr(config, "mlp_bias", false));
  if (attention_bias || mlp_bias) return Fail(Code::kUnsupported, "attention_bias and mlp_bias are not supported");
  c.qkv_bias = c.family == "qwen2";
  c.qk_norm = c.family == "qwen3";
  PLUMB_TRY(bool slides, GetBoolOr(config, "use_sliding_window", c.family == "mistral"));
  PLUMB_TRY(int64_t window, GetIntOr(config, "sliding_window", 0));
  if (slides && window > 0) c.context = std::min(c.context, window);
  return {};
}

}  // namespace

int64_t LmConfig::Parameters() const {
  const int64_t attention = hidden * head_dim * (heads + kv_heads) * 2;
  return vocab * hidden * (tied ? 1 : 2) + layers * (attention + 3 * hidden * intermediate + 2 * hidden) + hidden;
}

Result<LmConfig> LmConfigFromJson(const json::object& config, std::string_view where) {
  LmConfig c;
  auto read = [&]() -> Status {
    PLUMB_CHECK(ReadSizes(config, c));
    PLUMB_CHECK(ReadFamily(config, c));
    PLUMB_CHECK(ReadRope(config, c));
    return Check(c);
  };
  if (auto status = read(); !status) return FailAt(std::string(where), status.error().code, "{}", status.error().message);
  return c;
}

Result<LmConfig> LmConfigFromGguf(const Gguf& gguf, std::string_view where) {
  LmConfig c;
  auto read = [&]() -> Status {
    const std::string* family = gguf.FindText("general.architecture");
    if (!family) return Fail(Code::kCorrupt, "general.architecture is missing");
    c.family = *family;
    if (c.family != "llama" && c.family != "qwen2" && c.family != "qwen3")
      return Fail(Code::kUnsupported, "architecture '{}' is not one of llama, qwen2, qwen3", c.family);
    auto number = [&](const std::string& key, int64_t otherwise) {
      const int64_t* value = gguf.FindInt(c.family + "." + key);
      return value ? *value : otherwise;
    };
    auto real = [&](const std::string& key, double otherwise) {
      const double* value = gguf.Find<double>(c.family + "." + key);
      return value ? *value : otherwise;
    };
    auto tokens = gguf.Find<std::vector<std::string>>("tokenizer.ggml.tokens");
    c.vocab = number("vocab_size", tokens ? static_cast<int64_t>(tokens->size()) : 0);
    c.hidden = number("embedding_length", 0);
    c.intermediate = number("feed_forward_length", 0);
    c.layers = number("block_count", 0);
    c.heads = number("attention.head_count", 0);
    c.kv_heads = number("attention.head_count_kv", c.heads);
    c.head_dim = number("attention.key_length", c.heads > 0 ? c.hidden / c.heads : 0);
    c.context = number("context_length", 2048);
    c.rope_theta = real("rope.freq_base", 10000);
    c.rms_eps = real("attention.layer_norm_rms_epsilon", 1e-6);
    c.tied = !gguf.weights.Has("output.weight");
    c.qkv_bias = c.family == "qwen2";
    c.qk_norm = c.family == "qwen3";
    if (number("expert_count", 0) > 0) return Fail(Code::kUnsupported, "mixtures of experts are not supported");
    const int64_t rotated = number("rope.dimension_count", c.head_dim);
    if (rotated != c.head_dim) return Fail(Code::kUnsupported, "RoPE on {} of {} dimensions is not supported", rotated, c.head_dim);
    if (auto type = gguf.FindText(c.family + ".rope.scaling.type"); type && *type != "none")
      return Fail(Code::kUnsupported, "RoPE scaling '{}' in a GGUF is not supported", *type);
    if (auto id = gguf.FindInt("tokenizer.ggml.bos_token_id")) c.bos = *id;
    if (auto id = gguf.FindInt("tokenizer.ggml.eos_token_id")) c.eos.push_back(*id);
    return Check(c);
  };
  if (auto status = read(); !status) return FailAt(std::string(where), status.error().code, "{}", status.error().message);
  return c;
}

json::object ToHuggingFaceConfig(const LmConfig& c) {
  const bool llama = c.family == "llama";
  json::object out = {{"architectures", {c.family == "qwen2"     ? "Qwen2ForCausalLM"
                                         : c.family == "qwen3"   ? "Qwen3ForCausalLM"
                                         : c.family == "mistral" ? "MistralForCausalLM"
                                                                 : "LlamaForCausalLM"}},
                      {"model_type", c.family},
                      {"vocab_size", c.vocab},
                      {"hidden_size", c.hidden},
                      {"intermediate_size", c.intermediate},
                      {"num_hidden_layers", c.layers},
                      {"num_attention_heads", c.heads},
                      {"num_key_value_heads", c.kv_heads},
                      {"head_dim", c.head_dim},
                      {"max_position_embeddings", c.context},
                      {"rope_theta", c.rope_theta},
                      {"rms_norm_eps", c.rms_eps},
                      {"tie_word_embeddings", c.tied},
                      {"hidden_act", "silu"},
                      {"torch_dtype", "float32"}};
  if (llama) out["attention_bias"] = false, out["mlp_bias"] = false;
  if (c.bos >= 0) out["bos_token_id"] = c.bos;
  if (c.eos.size() == 1) out["eos_token_id"] = c.eos[0];
  if (c.eos.size() > 1) out["eos_token_id"] = json::array(c.eos.begin(), c.eos.end());
  return out;
}

}  // namespace plumb::lm
