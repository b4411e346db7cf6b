#include "model/train/full_weights.h"

#include <algorithm>

namespace plumb::train {
namespace {

// What a layer's tensors are sorted by: q, k and v together, gate and up together.
constexpr const char* kInLayer[] = {
    "self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight",
    "self_attn.o_proj.weight", "mlp.gate_proj.weight",    "mlp.up_proj.weight",
    "mlp.down_proj.weight",    "self_attn.q_proj.bias",   "self_attn.k_proj.bias",
    "self_attn.v_proj.bias",   "input_layernorm.weight",  "post_attention_layernorm.weight",
    "self_attn.q_norm.weight", "self_attn.k_norm.weight"};

std::vector<std::string> InOrder(const std::map<std::string, at::Tensor>& tensors, size_t layers) {
  std::vector<std::string> names = {"model.embed_tokens.weight"};
  for (size_t i = 0; i < layers; ++i)
    for (const char* part : kInLayer)
      if (std::string name = fmt::format("model.layers.{}.{}", i, part); tensors.contains(name))
        names.push_back(std::move(name));
  names.emplace_back("model.norm.weight");
  if (tensors.contains("lm_head.weight")) names.emplace_back("lm_head.weight");
  return names;
}

}  // namespace

FullWeights::FullWeights(lm::CausalLm& model, Parameters& parameters, at::ScalarType type)
    : model_(model), parameters_(parameters) {
  std::map<std::string, at::Tensor> tensors;
  model.MapTensors([&](const std::string& name, const at::Tensor& tensor) {
    tensors[name] = tensor;
    return tensor;
  });
  for (const std::string& name : InOrder(tensors, model.layers().size())) {
    // transformers' trainer decays neither norms nor biases.
    const bool decays = !name.ends_with(".bias") && !name.ends_with("norm.weight");
    index_[name] = parameters.Add(name, tensors[name].sizes().vec(), 1, decays);
  }
  embedding_ = Of("model.embed_tokens.weight");
  norm_ = Of("model.norm.weight");
  output_ = index_.contains("lm_head.weight") ? Of("lm_head.weight") : embedding_;
  parameters.Allocate();
  tensors.clear();  // each tensor is freed as it is replaced
  model.MapTensors([&](const std::string& name, const at::Tensor& tensor) {
    const size_t i = Of(name);
    const at::Tensor value = parameters.value(i);
    value.copy_(tensor);
    return (i == embedding_ || i == output_) && type != at::kFloat ? tensor.to(type) : value;
  });
}

void FullWeights::Refresh() {
  if (model_.type() == at::kFloat) return;  // the same memory
  model_.embedding().copy_(parameters_.value(embedding_));
  if (output_ != embedding_) model_.lm_head().weight.copy_(parameters_.value(output_));
}

}  // namespace plumb::train
