#include "model/lm/adapter.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "model/lm/tensors.h"

namespace plumb::lm {
namespace {

constexpr std::string_view kPrefix = "base_model.model.";
constexpr char kWeightsFile[] = "adapter_model.safetensors", kConfigFile[] = "adapter_config.json";

bool Targets(const AdapterConfig& config, std::string_view path) {
  const auto& layers = config.layers_to_transform;
  if (!layers.empty() && std::ranges::find(layers, LayerOf(path)) == layers.end()) return false;
  return std::ranges::any_of(config.target_modules, [&](const std::string& target) {
    return path == target || path.ends_with("." + target);
  });
}

struct Halves {
  at::Tensor a, b;
};

// Sorts the file's tensors by projection; what is neither lora_A nor lora_B of a known one is refused.
Result<std::map<std::string, Halves>> ReadHalves(const Weights& weights, const NamedLinears& linears,
                                                 std::map<std::string, at::Tensor>* heads) {
  std::set<std::string> known;
  for (const auto& [path, linear] : linears) known.insert(path);
  std::map<std::string, Halves> found;
  for (const auto& [name, stored] : weights.tensors()) {
    PLUMB_TRY(at::Tensor tensor, weights.Read(name, at::kFloat));
    if (heads && name.starts_with("classifier.")) {
      (*heads)[name] = std::move(tensor);
      continue;
    }
    std::string_view path = name;
    if (path.starts_with(kPrefix)) path.remove_prefix(kPrefix.size());
    const bool is_a = path.ends_with(".lora_A.weight"), is_b = path.ends_with(".lora_B.weight");
    if (!is_a && !is_b) return Fail(Code::kUnsupported, "tensor {} is neither lora_A nor lora_B", name);
    path.remove_suffix(std::string_view(".lora_A.weight").size());
    if (!known.contains(std::string(path))) return Fail(Code::kInvalid, "tensor {} belongs to no projection of this model", name);
    (is_a ? found[std::string(path)].a : found[std::string(path)].b) = std::move(tensor);
  }
  return found;
}

Status CheckHalves(const std::string& path, const Halves& halves, const Linear& linear, int64_t r) {
  if (!halves.a.defined() || !halves.b.defined())
    return Fail(Code::kCorrupt, "{} has no {}", path, halves.a.defined() ? "lora_B" : "lora_A");
  const at::Tensor &a = halves.a, &b = halves.b;
  if (a.dim() != 2 || b.dim() != 2 || a.size(0) != r || b.size(1) != r || a.size(1) != linear.in() ||
      b.size(0) != linear.out())
    return Fail(Code::kInvalid, "{}: lora_A [{}] and lora_B [{}] do not fit rank {} on a projection of [{}]", path,
                fmt::join(a.sizes().vec(), ", "), fmt::join(b.sizes().vec(), ", "), r, fmt::join(std::vector{linear.out(), linear.in()}, ", "));
  return {};
}

Status Attach(const fs::path& folder, const NamedLinears& linears, double scale, std::map<std::string, at::Tensor>* heads) {
  PLUMB_TRY(AdapterConfig config, ReadAdapterConfig(folder));
  PLUMB_TRY(Weights weights, Weights::Open(folder / kWeightsFile));
  PLUMB_TRY(auto halves, ReadHalves(weights, linears, heads));
  for (const auto& [path, linear] : linears) {
    auto found = halves.find(path);
    if (found != halves.end()) {
      PLUMB_CHECK(CheckHalves(path, found->second, *linear, config.r));
    } else if (Targets(config, path)) {
      return Fail(Code::kCorrupt, "target_modules names {}, but its tensors are missing", path);
    }
  }
  for (const auto& [path, linear] : linears) {
    auto found = halves.find(path);
    if (found != halves.end()) linear->lora = Lora{found->second.a, found->second.b, config.Scale() * scale, config.dropout};
  }
  return {};
}

Result<AdapterConfig> ParseConfig(const json::object& object) {
  AdapterConfig config;
  PLUMB_TRY(std::string type, GetStringOr(object, "peft_type", ""));
  if (type != "LORA") return Fail(Code::kUnsupported, "peft_type is '{}', not LORA", type);
  PLUMB_TRY(config.r, GetInt(object, "r"));
  PLUMB_TRY(config.alpha, GetNumber(object, "lora_alpha"));
  PLUMB_TRY(config.dropout, GetNumberOr(object, "lora_dropout", 0));
  PLUMB_TRY(config.rslora, GetBoolOr(object, "use_rslora", false));
  PLUMB_TRY(bool dora, GetBoolOr(object, "use_dora", false));
  PLUMB_TRY(std::string bias, GetStringOr(object, "bias", "none"));
  PLUMB_TRY(config.base_model, GetStringOr(object, "base_model_name_or_path", ""));
  PLUMB_TRY(config.task_type, GetStringOr(object, "task_type", ""));
  if (config.r < 1 || config.r > (1 << 16)) return Fail(Code::kInvalid, "r is {}", config.r);
  if (dora) return Fail(Code::kUnsupported, "use_dora is not supported");
  if (bias != "none") return Fail(Code::kUnsupported, "bias '{}' is not supported, only 'none'", bias);
  for (const char* key : {"rank_pattern", "alpha_pattern"})
    if (auto pattern = FindObject(object, key); pattern && !pattern->empty())
      return Fail(Code::kUnsupported, "{} is not supported", key);
  // A reward model's score layer (PEFT lists "classifier" beside it whatever the model has) is read by who scores.
  if (auto saved = FindArray(object, "modules_to_save"))
    for (const auto& module : *saved)
      if (module != "score" && module != "classifier")
        return Fail(Code::kUnsupported, "modules_to_save is not supported, but for a score layer");
  if (const json::array* targets = FindArray(object, "target_modules")) {
    for (const auto& target : *targets)
      if (target.is_string()) config.target_modules.emplace_back(target.get_string());
  }
  if (const json::value* layers = object.if_contains("layers_to_transform"); layers && !layers->is_null()) {
    const json::array list = layers->is_array() ? layers->get_array() : json::array{*layers};
    for (const auto& layer : list) {
      if (!layer.is_int64()) return Fail(Code::kInvalid, "layers_to_transform holds something that is no whole number");
      config.layers_to_transform.push_back(layer.get_int64());
    }
  }
  static const std::set<std::string_view> ours = {"peft_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "bias",
                                                  "base_model_name_or_path", "task_type", "target_modules", "inference_mode", "layers_to_transform"};
  for (const auto& [key, value] : object)
    if (!ours.contains(std::string_view(key))) config.extra[key] = value;
  return config;
}

}  // namespace

int64_t LayerOf(std::string_view path) {
  for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    int64_t layer = -1;
    const char* end = path.data() + path.size();
    const auto [stop, bad] = std::from_chars(path.data() + dot + 1, end, layer);
    if (bad == std::errc() && stop != end && *stop == '.') return layer;
  }
  return -1;
}

double AdapterConfig::Scale() const {
  return alpha / (rslora ? std::sqrt(static_cast<double>(r)) : static_cast<double>(r));
}

Result<AdapterConfig> ReadAdapterConfig(const fs::path& folder) {
  const fs::path path = folder / kConfigFile;
  PLUMB_TRY(json::value value, ReadJson(path));
  if (!value.is_object()) return FailAt(path.string(), Code::kInvalid, "is not an object");
  auto config = ParseConfig(value.get_object());
  if (!config) return FailAt(path.string(), config.error().code, "{}", config.error().message);
  return config;
}

Status AttachAdapter(const fs::path& folder, const NamedLinears& linears, double scale,
                     std::map<std::string, at::Tensor>* heads) {
  auto status = Attach(folder, linears, scale, heads);
  if (!status && status.error().where.empty()) status.error().where = folder.string();
  return status;
}

void DetachAdapters(const NamedLinears& linears) {
  for (const auto& [path, linear] : linears) linear->lora.reset();
}

Status SaveAdapter(const fs::path& folder, const AdapterConfig& config, const NamedLinears& linears,
                   const std::map<std::string, at::Tensor>& heads) {
  std::map<std::string, at::Tensor> tensors = heads;
  for (const auto& [path, linear] : linears) {
    if (!linear->lora) continue;
    tensors[std::string(kPrefix) + path + ".lora_A.weight"] = linear->lora->a;
    tensors[std::string(kPrefix) + path + ".lora_B.weight"] = linear->lora->b;
  }
  json::object out = config.extra;
  out["peft_type"] = "LORA";
  out["task_type"] = config.task_type;
  out["base_model_name_or_path"] = config.base_model;
  out["r"] = config.r;
  out["lora_alpha"] = config.alpha;
  out["lora_dropout"] = config.dropout;
  out["use_rslora"] = config.rslora;
  out["bias"] = "none";
  out["fan_in_fan_out"] = false;
  out["inference_mode"] = true;
  out["target_modules"] = json::array(config.target_modules.begin(), config.target_modules.end());
  if (!config.layers_to_transform.empty())
    out["layers_to_transform"] = json::array(config.layers_to_transform.begin(), config.layers_to_transform.end());
  // Both files or neither: written beside, and moved when both are whole.
  const fs::path draft = folder.string() + ".draft";
  const auto write = [&]() -> Status {
    PLUMB_CHECK(WriteSafetensors(draft / kWeightsFile, tensors));
    PLUMB_CHECK(WriteFileAtomic(draft / kConfigFile, ToPrettyJson(out) + "\n"));
    PLUMB_CHECK(MakeFolder(folder));
    for (const char* name : {kWeightsFile, kConfigFile}) {
      std::error_code failed;
      fs::rename(draft / name, folder / name, failed);
      if (failed) return FailAt((folder / name).string(), Code::kIo, "cannot replace: {}", failed.message());
    }
    return {};
  };
  const Status written = write();
  std::error_code ignored;
  fs::remove_all(draft, ignored);
  return written;
}

Result<ModelName> ParseModelName(const std::string& name) {
  std::error_code ignored;
  if (name.empty()) return Fail(Code::kInvalid, "the model's name is empty");
  const size_t plus = name.rfind('+');
  if (plus == std::string::npos || fs::exists(name, ignored)) return ModelName{name, "", 1};
  ModelName parsed{name.substr(0, plus), name.substr(plus + 1), 1};
  const size_t at = parsed.adapter.rfind('@');
  if (at != std::string::npos && !fs::exists(parsed.adapter, ignored)) {
    const char* begin = parsed.adapter.data() + at + 1;
    const char* end = parsed.adapter.data() + parsed.adapter.size();
    if (auto [stop, bad] = std::from_chars(begin, end, parsed.scale); bad != std::errc() || stop != end)
      return Fail(Code::kInvalid, "'{}' after @ is not a number", std::string_view(begin, end));
    parsed.adapter.resize(at);
  }
  if (parsed.base.empty() || parsed.adapter.empty()) return Fail(Code::kInvalid, "'{}' should be MODEL+ADAPTER_FOLDER", name);
  return parsed;
}

}  // namespace plumb::lm
