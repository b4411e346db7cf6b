// Building a trunk out of a model: which layers get adapters, how their weights are packed.
#include "model/train/trunk.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "model/lm/adapter.h"
#include "model/train/trunk_impl.h"

namespace plumb::train {
namespace {

std::string LastPart(const std::string& path) { return path.substr(path.rfind('.') + 1); }

constexpr int64_t kCacheBytes = int64_t{512} << 20;  // 230,000 tokens of 576 numbers

Status CheckWidths(const lm::LmConfig& c) {
  if (c.hidden % 16 || c.intermediate % 16 || c.head_dim % 2)
    return Fail(Code::kUnsupported,
                "training needs hidden sizes divisible by 16; this model has {} and {}", c.hidden,
                c.intermediate);
  return {};
}

}  // namespace

double LoraOptions::Scale() const {
  return alpha / (rslora ? std::sqrt(static_cast<double>(r)) : static_cast<double>(r));
}

bool LoraOptions::Transforms(int64_t layer) const {
  return layers_to_transform.empty() ||
         std::ranges::find(layers_to_transform, layer) != layers_to_transform.end();
}

kernels::AttentionShape Trunk::Impl::Shape(int64_t longest) {
  if (!cos.defined() || cos.size(0) < longest) {
    std::vector<int64_t> positions(std::max<int64_t>(longest, 512));
    for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int64_t>(i);
    std::tie(cos, sin) = lm::RopeTable(config, positions);
  }
  return {config.heads, config.kv_heads, config.head_dim, true, Data<float>(cos), Data<float>(sin)};
}

Trunk::Trunk(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Trunk::~Trunk() = default;

FullWeights* Trunk::full() const { return impl_->full; }

size_t Trunk::layers() const { return impl_->layers.size(); }

LayerStreams Trunk::Streams(size_t layer) const {
  const Kept& k = impl_->kept[layer];
  if (!k.x.defined()) return {};
  const int64_t d = impl_->config.hidden;
  return {k.x, k.n1.narrow(1, 0, d), k.x1, k.n2.narrow(1, 0, d)};
}

void Trunk::Impl::Finish() {
  // Packed products alone are the same in any batch; a row kept must be the row computed.
  packed = std::ranges::all_of(layers, [](const Layer& l) {
    return l.qkv.packed() && l.o.packed() && l.gate_up.packed() && l.down.packed();
  });
  if (lowest > 0 && packed) below.emplace(config.hidden, kCacheBytes);
}

Result<std::unique_ptr<Trunk>> Trunk::CreateFull(lm::CausalLm& model, FullWeights& weights) {
  PLUMB_CHECK(CheckWidths(model.config()));
  Parameters& parameters = weights.parameters();
  auto impl = std::make_unique<Impl>(model, 0, parameters);
  impl->full = &weights;
  const bool biased = model.config().qkv_bias;
  for (size_t i = 0; i < model.layers().size(); ++i) {
    const std::string at = fmt::format("model.layers.{}.", i);
    auto group = [&](const std::string& first, size_t count, bool bias = false) {
      return LoraGroup(parameters, weights.Of(at + first + ".weight"),
                       bias ? weights.Of(at + first + ".bias") : LoraGroup::kNoBias, count,
                       impl->type);
    };
    Impl::Layer layer;
    auto norm = [&](const char* name, size_t& index) {
      index = weights.Of(at + name + ".weight");
      return parameters.value(index);
    };
    layer.norm1 = norm("input_layernorm", layer.norm1_at);
    layer.norm2 = norm("post_attention_layernorm", layer.norm2_at);
    if (model.config().qk_norm) {
      layer.q_norm = norm("self_attn.q_norm", layer.q_norm_at);
      layer.k_norm = norm("self_attn.k_norm", layer.k_norm_at);
    }
    layer.qkv = group("self_attn.q_proj", 3, biased);
    layer.o = group("self_attn.o_proj", 1);
    layer.gate_up = group("mlp.gate_proj", 2);
    layer.down = group("mlp.down_proj", 1);
    impl->layers.push_back(std::move(layer));
  }
  impl->Finish();
  return std::unique_ptr<Trunk>(new Trunk(std::move(impl)));
}

Result<std::unique_ptr<Trunk>> Trunk::Create(lm::CausalLm& model, const LoraOptions& lora,
                                             Parameters& parameters) {
  const lm::LmConfig& c = model.config();
  PLUMB_CHECK(CheckWidths(c));
  const auto layer_count = static_cast<int64_t>(model.layers().size());
  for (const int64_t layer : lora.layers_to_transform)
    if (layer < 0 || layer >= layer_count)
      return Fail(Code::kInvalid,
                  "lora_layers_to_transform: there is no layer {}; the model has 0 to {}", layer,
                  layer_count - 1);
  auto impl = std::make_unique<Impl>(model, lora.dropout, parameters);
  if (!lora.layers_to_transform.empty())
    impl->lowest = static_cast<size_t>(std::ranges::min(lora.layers_to_transform));
  std::set<std::string> wanted(lora.target_modules.begin(), lora.target_modules.end()), found;
  const bool all = wanted.empty();
  std::map<std::string, LoraSlot> slots;
  std::vector<std::string> known;
  for (auto& [path, linear] : model.Linears()) {
    const std::string last = LastPart(path);
    if (std::find(known.begin(), known.end(), last) == known.end()) known.push_back(last);
    LoraSlot slot{.out = linear->out()};
    if (path != "lm_head" && (all || wanted.contains(last)) && lora.Transforms(lm::LayerOf(path))) {
      found.insert(last);
      slot.rank = lora.r;
      slot.a = parameters.Add("base_model.model." + path + ".lora_A.weight",
                              {lora.r, linear->in()});
      slot.b = parameters.Add("base_model.model." + path + ".lora_B.weight",
                              {linear->out(), lora.r});
    }
    slots[path] = slot;
  }
  for (const std::string& name : wanted)
    if (!found.contains(name))
      return Fail(Code::kInvalid, "lora_target_modules: the model has no layer {}{}; it has {}",
                  name, DidYouMean(name, known), Join(known, ", "));
  parameters.Allocate();
  for (auto& [path, linear] : model.Linears())
    if (const LoraSlot& slot = slots[path]; slot.rank > 0)
      linear->lora =
          lm::Lora{parameters.value(slot.a), parameters.value(slot.b), lora.Scale(), 0, false};

  for (size_t i = 0; i < model.layers().size(); ++i) {
    const auto& from = model.layers()[i];
    const std::string at = fmt::format("model.layers.{}.", i);
    auto group = [&](std::initializer_list<std::pair<const char*, const lm::Linear*>> parts) {
      std::vector<at::Tensor> weights, biases;
      std::vector<std::shared_ptr<const lm::QuantisedMatrix>> blocks;
      std::vector<LoraSlot> group_slots;
      for (auto [name, linear] : parts) {
        if (linear->quantised) blocks.push_back(linear->quantised);
        else weights.push_back(linear->weight);
        biases.push_back(linear->bias);
        group_slots.push_back(slots[at + name]);
      }
      if (!blocks.empty()) return LoraGroup(blocks, biases, group_slots, lora.Scale(), impl->type);
      return LoraGroup(weights, biases, group_slots, lora.Scale());
    };
    Impl::Layer layer;
    layer.norm1 = from.input_norm.to(at::kFloat).contiguous();
    layer.norm2 = from.post_norm.to(at::kFloat).contiguous();
    if (c.qk_norm) {
      layer.q_norm = from.q_norm.to(at::kFloat).contiguous();
      layer.k_norm = from.k_norm.to(at::kFloat).contiguous();
    }
    layer.qkv = group({{"self_attn.q_proj", &from.q},
                       {"self_attn.k_proj", &from.k},
                       {"self_attn.v_proj", &from.v}});
    layer.o = group({{"self_attn.o_proj", &from.o}});
    layer.gate_up = group({{"mlp.gate_proj", &from.gate}, {"mlp.up_proj", &from.up}});
    layer.down = group({{"mlp.down_proj", &from.down}});
    impl->layers.push_back(std::move(layer));
  }
  impl->Finish();
  return std::unique_ptr<Trunk>(new Trunk(std::move(impl)));
}

void Trunk::Refresh() {
  if (impl_->full) impl_->full->Refresh();
  for (Impl::Layer& layer : impl_->layers)
    for (LoraGroup* group : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down})
      group->Refresh(impl_->parameters);
}

at::Tensor Trunk::Forward(const TokenTrie& batch, const PassOptions& options) {
  return impl_->type == at::kFloat ? impl_->Forward<float>(batch, options)
                                   : impl_->Forward<kernels::Bf16>(batch, options);
}

void Trunk::Backward(const TokenTrie& batch, at::Tensor dx) {
  if (impl_->type == at::kFloat)
    impl_->Backward<float>(batch, std::move(dx));
  else
    impl_->Backward<kernels::Bf16>(batch, std::move(dx));
}

void InitialiseLora(Parameters& parameters, uint64_t seed) {
  Random random(seed);
  for (size_t i = 0; i < parameters.count(); ++i) {
    at::Tensor value = parameters.value(i);
    if (!parameters.name(i).ends_with(".lora_A.weight")) continue;
    const double bound = 1 / std::sqrt(static_cast<double>(value.size(1)));
    float* v = value.data_ptr<float>();
    for (int64_t j = 0; j < value.numel(); ++j)
      v[j] = static_cast<float>((2 * random.Uniform() - 1) * bound);
  }
}

}  // namespace plumb::train
