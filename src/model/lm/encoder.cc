#include "model/lm/encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/stack.h>

#include <numeric>
#include <set>

namespace plumb::lm {
namespace {

Result<EncoderConfig> ReadConfig(const fs::path& folder) {
  std::error_code not_there;
  if (!fs::is_directory(folder, not_there)) return Fail(Code::kInvalid, "is not an encoder: that is a Hugging Face folder with a config.json");
  PLUMB_TRY(json::value value, ReadJson(folder / "config.json"));
  if (!value.is_object()) return Fail(Code::kInvalid, "config.json is not an object");
  const json::object& object = value.get_object();
  PLUMB_TRY(std::string type, GetString(object, "model_type"));
  if (type != "bert") return Fail(Code::kUnsupported, "model_type '{}' is not bert", type);
  PLUMB_TRY(std::string activation, GetStringOr(object, "hidden_act", "gelu"));
  if (activation != "gelu") return Fail(Code::kUnsupported, "hidden_act '{}' is not gelu", activation);
  PLUMB_TRY(std::string position, GetStringOr(object, "position_embedding_type", "absolute"));
  if (position != "absolute") return Fail(Code::kUnsupported, "position_embedding_type '{}' is not absolute", position);
  EncoderConfig c;
  PLUMB_TRY(c.vocab, GetInt(object, "vocab_size"));
  PLUMB_TRY(c.hidden, GetInt(object, "hidden_size"));
  PLUMB_TRY(c.intermediate, GetInt(object, "intermediate_size"));
  PLUMB_TRY(c.layers, GetInt(object, "num_hidden_layers"));
  PLUMB_TRY(c.heads, GetInt(object, "num_attention_heads"));
  PLUMB_TRY(c.positions, GetIntOr(object, "max_position_embeddings", 512));
  PLUMB_TRY(c.types, GetIntOr(object, "type_vocab_size", 2));
  PLUMB_TRY(c.eps, GetNumberOr(object, "layer_norm_eps", 1e-12));
  if (c.heads < 1 || c.hidden < 1 || c.hidden % c.heads != 0 || c.layers < 1 || c.layers > 1024 || c.positions < 1)
    return Fail(Code::kInvalid, "config.json: sizes are impossible");
  std::error_code ignored;
  if (fs::exists(folder / "1_Pooling" / "config.json", ignored)) {
    PLUMB_TRY(json::value pooling, ReadJson(folder / "1_Pooling" / "config.json"));
    if (pooling.is_object()) {
      PLUMB_TRY(bool cls, GetBoolOr(pooling.get_object(), "pooling_mode_cls_token", false));
      c.pooling = cls ? "cls" : "mean";
    }
  }
  return c;
}

// Reads tensors by Hugging Face name, with or without "bert." in front, and remembers which were used.
class EncoderSource {
 public:
  EncoderSource(Weights weights, at::ScalarType type) : weights_(std::move(weights)), type_(type) {
    if (weights_.Has("bert.embeddings.word_embeddings.weight")) prefix_ = "bert.";
  }
  Result<at::Tensor> Read(const std::string& name, const std::vector<int64_t>& shape) {
    PLUMB_TRY(at::Tensor tensor, weights_.Read(prefix_ + name, type_));
    if (tensor.sizes().vec() != shape)
      return Fail(Code::kCorrupt, "tensor {} has shape [{}], the configuration asks for [{}]", name,
                  fmt::join(tensor.sizes().vec(), ", "), fmt::join(shape, ", "));
    used_.insert(prefix_ + name);
    return tensor;
  }
  Result<Linear> ReadLinear(const std::string& name, int64_t out, int64_t in) {
    Linear l;
    PLUMB_TRY(l.weight, Read(name + ".weight", {out, in}));
    PLUMB_TRY(l.bias, Read(name + ".bias", {out}));
    return l;
  }
  Result<LayerNorm> ReadNorm(const std::string& name, int64_t width) {
    LayerNorm n;
    PLUMB_TRY(n.weight, Read(name + ".weight", {width}));
    PLUMB_TRY(n.bias, Read(name + ".bias", {width}));
    return n;
  }
  Status CheckAllUsed() const {
    for (const auto& [name, tensor] : weights_.tensors()) {
      // The pooler feeds heads of the original pre-training, which sentence encoders do not use; position_ids are 0, 1, 2…
      if (used_.contains(name) || name == prefix_ + "embeddings.position_ids" || name.starts_with(prefix_ + "pooler.")) continue;
      return Fail(Code::kUnsupported, "tensor {} is not part of a bert model as we know it", name);
    }
    return {};
  }

 private:
  Weights weights_;
  at::ScalarType type_;
  std::string prefix_;
  std::set<std::string> used_;
};

Result<Encoder::Layer> ReadEncoderLayer(EncoderSource& in, const EncoderConfig& c, int64_t index) {
  const std::string at = fmt::format("encoder.layer.{}.", index);
  Encoder::Layer l;
  PLUMB_TRY(l.query, in.ReadLinear(at + "attention.self.query", c.hidden, c.hidden));
  PLUMB_TRY(l.key, in.ReadLinear(at + "attention.self.key", c.hidden, c.hidden));
  PLUMB_TRY(l.value, in.ReadLinear(at + "attention.self.value", c.hidden, c.hidden));
  PLUMB_TRY(l.attention_output, in.ReadLinear(at + "attention.output.dense", c.hidden, c.hidden));
  PLUMB_TRY(l.attention_norm, in.ReadNorm(at + "attention.output.LayerNorm", c.hidden));
  PLUMB_TRY(l.intermediate, in.ReadLinear(at + "intermediate.dense", c.intermediate, c.hidden));
  PLUMB_TRY(l.output, in.ReadLinear(at + "output.dense", c.hidden, c.intermediate));
  PLUMB_TRY(l.output_norm, in.ReadNorm(at + "output.LayerNorm", c.hidden));
  return l;
}

}  // namespace

Result<std::unique_ptr<Encoder>> Encoder::Load(const std::string& model, const LoadOptions& options) {
  PLUMB_TRY(fs::path path, FindModel(model));
  auto load = [&]() -> Result<std::unique_ptr<Encoder>> {
    PLUMB_TRY(EncoderConfig c, ReadConfig(path));
    PLUMB_TRY(Weights weights, Weights::Open(path));
    EncoderSource in(std::move(weights), options.type);
    auto encoder = std::make_unique<Encoder>();
    PLUMB_TRY(encoder->words_, in.Read("embeddings.word_embeddings.weight", {c.vocab, c.hidden}));
    PLUMB_TRY(encoder->positions_, in.Read("embeddings.position_embeddings.weight", {c.positions, c.hidden}));
    PLUMB_TRY(encoder->types_, in.Read("embeddings.token_type_embeddings.weight", {c.types, c.hidden}));
    PLUMB_TRY(encoder->embedding_norm_, in.ReadNorm("embeddings.LayerNorm", c.hidden));
    for (int64_t i = 0; i < c.layers; ++i) {
      PLUMB_TRY(Layer layer, ReadEncoderLayer(in, c, i));
      encoder->layers_.push_back(std::move(layer));
    }
    PLUMB_CHECK(in.CheckAllUsed());
    encoder->config_ = std::move(c);
    encoder->path_ = path;
    return encoder;
  };
  try {
    auto encoder = load();
    if (!encoder && encoder.error().where.empty()) return FailAt(path.string(), encoder.error().code, "{}", encoder.error().message);
    return encoder;
  } catch (const std::exception& e) {
    return FailAt(path.string(), Code::kExhausted, "cannot be loaded: {}", e.what());
  }
}

Result<LoadEstimate> Encoder::Estimate(const std::string& model, const LoadOptions& options) {
  PLUMB_TRY(const fs::path path, FindModel(model));
  const auto c = ReadConfig(path);
  if (!c) return c.error().where.empty() ? FailAt(path.string(), c.error().code, "{}", c.error().message) : std::unexpected(c.error());
  LoadEstimate estimate;
  const int64_t layer = 4 * c->hidden * (c->hidden + 1) + 2 * c->hidden * c->intermediate + c->hidden + c->intermediate + 4 * c->hidden;
  estimate.parameters = (c->vocab + c->positions + c->types + 2) * c->hidden + c->layers * layer;
  estimate.memory_bytes = static_cast<size_t>(estimate.parameters) * (options.type == at::kBFloat16 ? 2 : 4);
  estimate.seconds = static_cast<double>(estimate.parameters) * 4 / 0.5e9;
  return estimate;
}

at::Tensor Encoder::Hidden(const at::Tensor& ids, const std::vector<int64_t>& lengths, const at::Tensor& types) const {
  TORCH_CHECK(std::accumulate(lengths.begin(), lengths.end(), int64_t{0}) == ids.size(0),
              "Encoder::Hidden: lengths do not sum to the ", ids.size(0), " ids");
  std::vector<at::Tensor> places;
  for (int64_t n : lengths) places.push_back(positions_.narrow(0, 0, n));
  auto norm = [&](const at::Tensor& x, const LayerNorm& n) {
    return at::layer_norm(x, {config_.hidden}, n.weight, n.bias, config_.eps);
  };
  at::Tensor x = at::embedding(words_, ids) + at::cat(places, 0) +
                 (types.defined() ? at::embedding(types_, types) : types_.narrow(0, 0, 1));
  x = norm(x, embedding_norm_);
  const int64_t tokens = ids.size(0), d = config_.hidden / config_.heads;
  for (const Layer& layer : layers_) {
    auto split = [&](const at::Tensor& t) { return t.view({tokens, config_.heads, d}); };
    const at::Tensor q = split(layer.query(x)), k = split(layer.key(x)), v = split(layer.value(x));
    std::vector<at::Tensor> outputs;
    int64_t begin = 0;
    for (int64_t n : lengths) {
      auto heads_first = [&](const at::Tensor& t) { return t.narrow(0, begin, n).transpose(0, 1).unsqueeze(0); };
      outputs.push_back(at::scaled_dot_product_attention(heads_first(q), heads_first(k), heads_first(v))
                            .squeeze(0).transpose(0, 1).reshape({n, config_.hidden}));
      begin += n;
    }
    x = norm(x + layer.attention_output(at::cat(outputs, 0)), layer.attention_norm);
    x = norm(x + layer.output(at::gelu(layer.intermediate(x))), layer.output_norm);
  }
  return x;
}

at::Tensor Encoder::Pool(const at::Tensor& hidden, const std::vector<int64_t>& lengths) const {
  return Pool(hidden, lengths, config_.pooling);
}

at::Tensor Encoder::Pool(const at::Tensor& hidden, const std::vector<int64_t>& lengths, std::string_view pooling) const {
  std::vector<at::Tensor> rows;
  int64_t begin = 0;
  for (int64_t n : lengths) {
    rows.push_back(pooling == "cls" ? hidden.select(0, begin) : hidden.narrow(0, begin, n).mean(0));
    begin += n;
  }
  return at::stack(rows, 0);
}

NamedLinears Encoder::Linears() {
  NamedLinears all;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string at = fmt::format("encoder.layer.{}.", i);
    Layer& l = layers_[i];
    all.insert(all.end(), {{at + "attention.self.query", &l.query},
                           {at + "attention.self.key", &l.key},
                           {at + "attention.self.value", &l.value},
                           {at + "attention.output.dense", &l.attention_output},
                           {at + "intermediate.dense", &l.intermediate},
                           {at + "output.dense", &l.output}});
  }
  return all;
}

}  // namespace plumb::lm
