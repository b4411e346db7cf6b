#include "model/lm/classifier.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

namespace plumb::lm {

at::Tensor HeadLogits(const ClassifierHeads& heads, const at::Tensor& pooled) {
  return at::linear(pooled, heads.weight, heads.bias);
}

Status SaveClassifier(const fs::path& folder, AdapterConfig config, const ClassifierHeads& heads, Encoder& encoder) {
  config.task_type = "SEQ_CLS";
  config.extra["heads"] = json::array(heads.names.begin(), heads.names.end());
  config.extra["pooling"] = heads.pooling;
  config.extra["max_tokens"] = heads.max_tokens;
  std::map<std::string, at::Tensor> tensors;
  for (size_t i = 0; i < heads.names.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    if (heads.names[i].find('.') != std::string::npos) return Fail(Code::kInvalid, "head name '{}' holds a dot", heads.names[i]);
    tensors["classifier." + heads.names[i] + ".weight"] = heads.weight.narrow(0, at, 1);
    tensors["classifier." + heads.names[i] + ".bias"] = heads.bias.narrow(0, at, 1);
  }
  return SaveAdapter(folder, config, encoder.Linears(), tensors);
}

Result<ClassifierHeads> LoadClassifier(const fs::path& folder, Encoder& encoder) {
  PLUMB_TRY(AdapterConfig config, ReadAdapterConfig(folder));
  std::map<std::string, at::Tensor> tensors;
  PLUMB_CHECK(AttachAdapter(folder, encoder.Linears(), 1, &tensors));
  const std::string where = folder.string();
  ClassifierHeads heads;
  PLUMB_TRY(heads.pooling, GetStringOr(config.extra, "pooling", encoder.config().pooling));
  PLUMB_TRY(heads.max_tokens, GetIntOr(config.extra, "max_tokens", 256));
  if (heads.pooling != "mean" && heads.pooling != "cls") return FailAt(where, Code::kInvalid, "pooling '{}' is not mean or cls", heads.pooling);
  if (heads.max_tokens < 8 || heads.max_tokens > encoder.config().positions)
    return FailAt(where, Code::kInvalid, "max_tokens is {}, must be between 8 and {}", heads.max_tokens, encoder.config().positions);
  const json::array* names = FindArray(config.extra, "heads");
  if (!names || names->empty()) return FailAt(where, Code::kInvalid, "adapter_config.json lists no heads");
  std::vector<at::Tensor> weights, biases;
  for (const auto& name : *names) {
    if (!name.is_string()) return FailAt(where, Code::kInvalid, "a head's name is not text");
    const std::string head(name.get_string());
    const auto weight = tensors.find("classifier." + head + ".weight"), bias = tensors.find("classifier." + head + ".bias");
    if (weight == tensors.end() || bias == tensors.end()) return FailAt(where, Code::kCorrupt, "head {} has no tensors", head);
    if (weight->second.numel() != encoder.config().hidden || bias->second.numel() != 1)
      return FailAt(where, Code::kInvalid, "head {} does not fit an encoder of width {}", head, encoder.config().hidden);
    heads.names.push_back(head);
    weights.push_back(weight->second.reshape({1, -1}));
    biases.push_back(bias->second.reshape({1}));
  }
  if (tensors.size() != 2 * heads.names.size()) return FailAt(where, Code::kCorrupt, "it holds heads that adapter_config.json does not list");
  heads.weight = at::cat(weights, 0);
  heads.bias = at::cat(biases, 0);
  return heads;
}

}  // namespace plumb::lm
