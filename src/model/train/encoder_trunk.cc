#include "model/train/encoder_trunk.h"

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include <algorithm>
#include <set>

#include "model/train/kernels.h"
#include "model/train/random.h"

namespace plumb::train {
namespace {

template <class T>
T* RawOf(const at::Tensor& t) {
  return static_cast<T*>(t.data_ptr());
}

struct KeptLayer {
  at::Tensor x, qkv, lse, o, sum1, stats1, h, z, act, sum2, stats2;
};

struct Norm {
  at::Tensor weight, bias;  // float32
};

}  // namespace

struct EncoderTrunk::Impl {
  struct Layer {
    LoraGroup qkv, o, up, down;
    Norm norm1, norm2;
  };

  lm::Encoder& encoder;
  const lm::EncoderConfig config;
  const LoraOptions lora;
  Parameters& parameters;
  const at::ScalarType type;
  std::map<std::string, LoraSlot> slots;
  Norm embedding_norm;
  std::vector<Layer> layers;
  std::vector<KeptLayer> kept;
  uint64_t kept_key = 0;

  at::Tensor Empty(int64_t rows, int64_t columns) const { return at::empty({rows, columns}, type); }
  at::Tensor EmptyFloat(int64_t rows, int64_t columns) const {
    return at::empty({rows, columns}, at::kFloat);
  }
  LoraGroup::Drop DropOf(uint64_t key, size_t layer, uint64_t part) const {
    if (lora.dropout == 0 || key == 0) return {};
    return {lora.dropout, MixBits(key + (layer * 4 + part + 1) * 0x9e3779b97f4a7c15ull)};
  }
  kernels::AttentionShape Shape() const {
    return {config.heads, config.heads, config.hidden / config.heads, false, nullptr, nullptr};
  }
  at::Tensor Embed(const TokenTrie& batch, const std::vector<int64_t>& types) const;
  template <class T>
  at::Tensor Forward(const TokenTrie& batch, const std::vector<int64_t>& types,
                     const PassOptions& options);
  template <class T>
  void Backward(const TokenTrie& batch, at::Tensor dx);
};

at::Tensor EncoderTrunk::Impl::Embed(const TokenTrie& batch,
                                     const std::vector<int64_t>& types) const {
  const int64_t n = batch.nodes();
  const std::vector<int64_t> positions(batch.depth().begin(), batch.depth().end());
  auto rows = [&](const at::Tensor& table, const std::vector<int64_t>& at) {
    return at::index_select(table, 0,
                            at::from_blob(const_cast<int64_t*>(at.data()), {n}, at::kLong))
        .to(at::kFloat);
  };
  return rows(encoder.words(), batch.ids())
      .add_(rows(encoder.position_table(), positions))
      .add_(rows(encoder.type_table(), types));
}

template <class T>
at::Tensor EncoderTrunk::Impl::Forward(const TokenTrie& batch, const std::vector<int64_t>& types,
                                       const PassOptions& options) {
  const int64_t n = batch.nodes(), d = config.hidden, f = config.intermediate;
  const float eps = static_cast<float>(config.eps);
  const kernels::AttentionRows rows = batch.Rows();
  const kernels::AttentionShape shape = Shape();
  auto norm = [&](const at::Tensor& in, const Norm& w, at::Tensor& out32, at::Tensor& out,
                  at::Tensor& stats) {
    out32 = EmptyFloat(n, d);
    stats = EmptyFloat(n, 2);
    kernels::LayerNorm<T>(RawOf<float>(in), RawOf<float>(w.weight), RawOf<float>(w.bias), eps, n, d,
                          RawOf<float>(out32), RawOf<T>(out), out.stride(0), RawOf<float>(stats));
  };
  if (options.keep) {
    kept.assign(layers.size(), {});
    kept_key = options.drop_key;
  }
  at::Tensor x32, stats, x = Empty(n, layers[0].qkv.wide());
  norm(Embed(batch, types), embedding_norm, x32, x, stats);
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer& l = layers[i];
    KeptLayer k;
    k.x = x;
    k.qkv = l.qkv.Forward(k.x, options.adapters, DropOf(options.drop_key, i, 0));
    k.lse = EmptyFloat(n, config.heads);
    k.o = Empty(n, l.o.wide());
    kernels::Attention<T>(rows, shape, RawOf<T>(k.qkv), RawOf<T>(k.o), k.o.stride(0),
                          RawOf<float>(k.lse));
    const at::Tensor attended = l.o.Forward(k.o, options.adapters, DropOf(options.drop_key, i, 1));
    k.sum1 = EmptyFloat(n, d);
    kernels::Add<T>(RawOf<float>(x32), RawOf<T>(attended), d, n, d, RawOf<float>(k.sum1));
    at::Tensor h32;
    k.h = Empty(n, l.up.wide());
    norm(k.sum1, l.norm1, h32, k.h, k.stats1);
    k.z = l.up.Forward(k.h, options.adapters, DropOf(options.drop_key, i, 2));
    k.act = Empty(n, l.down.wide());
    kernels::Gelu<T>(RawOf<T>(k.z), n, f, RawOf<T>(k.act), k.act.stride(0));
    const at::Tensor fed = l.down.Forward(k.act, options.adapters, DropOf(options.drop_key, i, 3));
    k.sum2 = EmptyFloat(n, d);
    kernels::Add<T>(RawOf<float>(h32), RawOf<T>(fed), d, n, d, RawOf<float>(k.sum2));
    x = Empty(n, i + 1 < layers.size() ? layers[i + 1].qkv.wide() : d);
    norm(k.sum2, l.norm2, x32, x, k.stats2);
    if (options.keep) kept[i] = std::move(k);
  }
  return x32;
}

template <class T>
void EncoderTrunk::Impl::Backward(const TokenTrie& batch, at::Tensor dx) {
  const int64_t n = batch.nodes(), d = config.hidden, f = config.intermediate;
  const kernels::AttentionRows rows = batch.Rows();
  const kernels::AttentionShape shape = Shape();
  const at::Tensor staging = EmptyFloat(rows.positions, 2 * d), sum = EmptyFloat(n, d);
  at::Tensor dy = Empty(n, d), dz = Empty(n, f), dqkv = Empty(n, 3 * d);
  for (size_t i = layers.size(); i-- > 0;) {
    const Layer& l = layers[i];
    const KeptLayer k = std::move(kept[i]);
    kernels::LayerNormBackward(RawOf<float>(dx), RawOf<float>(k.sum2), RawOf<float>(l.norm2.weight),
                               RawOf<float>(k.stats2), n, d, RawOf<float>(sum));
    kernels::Cast<T>(RawOf<float>(sum), n, d, RawOf<T>(dy));
    const at::Tensor dact = l.down.Backward(dy, k.act, true, DropOf(kept_key, i, 3), parameters);
    kernels::GeluBackward<T>(RawOf<T>(dact), dact.stride(0), RawOf<T>(k.z), n, f, RawOf<T>(dz));
    const at::Tensor dh = l.up.Backward(dz, k.h, true, DropOf(kept_key, i, 2), parameters);
    kernels::Add<T>(RawOf<float>(sum), RawOf<T>(dh), dh.stride(0), n, d, RawOf<float>(dx));
    kernels::LayerNormBackward(RawOf<float>(dx), RawOf<float>(k.sum1), RawOf<float>(l.norm1.weight),
                               RawOf<float>(k.stats1), n, d, RawOf<float>(sum));
    kernels::Cast<T>(RawOf<float>(sum), n, d, RawOf<T>(dy));
    const at::Tensor d_o = l.o.Backward(dy, k.o, true, DropOf(kept_key, i, 1), parameters);
    kernels::AttentionBackward<T>(rows, shape, RawOf<T>(k.qkv), RawOf<T>(k.o), k.o.stride(0),
                                  RawOf<float>(k.lse), RawOf<T>(d_o), d_o.stride(0),
                                  RawOf<float>(staging), RawOf<T>(dqkv));
    const bool more = i > 0;  // nothing below the first layer is trained
    const at::Tensor din = l.qkv.Backward(dqkv, k.x, more, DropOf(kept_key, i, 0), parameters);
    if (more) kernels::Add<T>(RawOf<float>(sum), RawOf<T>(din), din.stride(0), n, d, RawOf<float>(dx));
  }
}

EncoderTrunk::EncoderTrunk(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EncoderTrunk::~EncoderTrunk() = default;

Result<std::unique_ptr<EncoderTrunk>> EncoderTrunk::Create(lm::Encoder& encoder,
                                                           const LoraOptions& lora,
                                                           Parameters& parameters) {
  const lm::EncoderConfig& c = encoder.config();
  if (c.hidden % 16 || c.intermediate % 16)
    return Fail(Code::kUnsupported,
                "training needs hidden sizes divisible by 16; this encoder has {} and {}", c.hidden,
                c.intermediate);
  std::unique_ptr<Impl> impl(
      new Impl{encoder, c, lora, parameters, encoder.words().scalar_type(), {}, {}, {}, {}, 0});
  std::set<std::string> wanted(lora.target_modules.begin(), lora.target_modules.end()), found;
  std::vector<std::string> known;
  for (auto& [path, linear] : encoder.Linears()) {
    const std::string last = path.substr(path.rfind('.') + 1);
    if (std::find(known.begin(), known.end(), last) == known.end()) known.push_back(last);
    LoraSlot slot{.out = linear->weight.size(0)};
    if (wanted.empty() || wanted.contains(last)) {
      found.insert(last);
      slot.rank = lora.r;
      slot.a = parameters.Add("base_model.model." + path + ".lora_A.weight",
                              {lora.r, linear->weight.size(1)});
      slot.b = parameters.Add("base_model.model." + path + ".lora_B.weight",
                              {linear->weight.size(0), lora.r});
    }
    impl->slots[path] = slot;
  }
  for (const std::string& name : wanted)
    if (!found.contains(name))
      return Fail(Code::kInvalid, "lora_target_modules: the encoder has no layer {}{}; it has {}",
                  name, DidYouMean(name, known), Join(known, ", "));

  auto norm_of = [](const lm::LayerNorm& n) {
    return Norm{n.weight.to(at::kFloat).contiguous(), n.bias.to(at::kFloat).contiguous()};
  };
  impl->embedding_norm = norm_of(encoder.embedding_norm());
  for (size_t i = 0; i < encoder.layers().size(); ++i) {
    const auto& from = encoder.layers()[i];
    const std::string at = fmt::format("encoder.layer.{}.", i);
    auto group = [&](std::initializer_list<std::pair<const char*, const lm::Linear*>> parts) {
      std::vector<at::Tensor> weights, biases;
      std::vector<LoraSlot> slots;
      for (auto [name, linear] : parts) {
        weights.push_back(linear->weight);
        biases.push_back(linear->bias);
        slots.push_back(impl->slots.at(at + name));
      }
      return LoraGroup(weights, biases, slots, lora.Scale());
    };
    Impl::Layer layer;
    layer.qkv = group({{"attention.self.query", &from.query},
                       {"attention.self.key", &from.key},
                       {"attention.self.value", &from.value}});
    layer.o = group({{"attention.output.dense", &from.attention_output}});
    layer.up = group({{"intermediate.dense", &from.intermediate}});
    layer.down = group({{"output.dense", &from.output}});
    layer.norm1 = norm_of(from.attention_norm);
    layer.norm2 = norm_of(from.output_norm);
    impl->layers.push_back(std::move(layer));
  }
  return std::unique_ptr<EncoderTrunk>(new EncoderTrunk(std::move(impl)));
}

void EncoderTrunk::Attach() {
  for (auto& [path, linear] : impl_->encoder.Linears())
    if (const LoraSlot& slot = impl_->slots.at(path); slot.rank > 0)
      linear->lora = lm::Lora{impl_->parameters.value(slot.a), impl_->parameters.value(slot.b),
                              impl_->lora.Scale(), 0, false};
}

void EncoderTrunk::Refresh() {
  for (Impl::Layer& layer : impl_->layers)
    for (LoraGroup* group : {&layer.qkv, &layer.o, &layer.up, &layer.down})
      group->Refresh(impl_->parameters);
}

at::Tensor EncoderTrunk::Forward(const TokenTrie& batch, const std::vector<int64_t>& types,
                                 const PassOptions& options) {
  return impl_->type == at::kFloat ? impl_->Forward<float>(batch, types, options)
                                   : impl_->Forward<kernels::Bf16>(batch, types, options);
}

void EncoderTrunk::Backward(const TokenTrie& batch, at::Tensor dx) {
  if (impl_->type == at::kFloat)
    impl_->Backward<float>(batch, std::move(dx));
  else
    impl_->Backward<kernels::Bf16>(batch, std::move(dx));
}

}  // namespace plumb::train
