#include "cli/config_models.h"

#include "runtime/provider/presets.h"

namespace plumb::cli {
namespace {

using provider::Millis;

std::optional<Millis> Seconds(const Node& node, std::string_view key, Reader& reader) {
  const Node* found = node.Find(key);
  if (!found) return std::nullopt;
  return Millis(static_cast<int64_t>(reader.Number(*found, key, 0.001, 86'400) * 1000));
}

// A secret stands elsewhere: in the environment, in a file, or where a command gets it.
void ReadKeySource(const Node& node, Reader& reader, provider::ProviderConfig& config) {
  const Node* env = node.Find("key_env");
  const Node* file = node.Find("key_file");
  const Node* command = node.Find("key_command");
  if ((env != nullptr) + (file != nullptr) + (command != nullptr) > 1) {
    reader.Wrong(node, "a provider has one of key_env, key_file and key_command");
  }
  if (env) {
    config.key_env = reader.Text(*env, "key_env");
    if (config.key_env.starts_with("sk-") || config.key_env.size() > 60) {
      reader.Wrong(*env, "key_env is the name of an environment variable, never the key itself");
    }
  }
  if (file) config.key_file = reader.Path(*file, "key_file").string();
  if (command) config.key_command = reader.Text(*command, "key_command");
}

void ReadProviderLimits(const Node& node, Reader& reader, provider::ProviderConfig& config) {
  if (const auto limit = Seconds(node, "connect_s", reader)) config.timeouts.connect = *limit;
  if (const auto limit = Seconds(node, "timeout_s", reader)) config.timeouts.first_byte = *limit;
  if (const auto limit = Seconds(node, "first_token_s", reader)) config.first_token = *limit;
  if (const auto limit = Seconds(node, "idle_s", reader)) config.timeouts.idle = *limit;
  if (const auto limit = Seconds(node, "total_s", reader)) config.timeouts.overall = *limit;
  if (const Node* attempts = node.Find("attempts")) {
    config.retry.max_attempts = static_cast<int>(reader.Whole(*attempts, "attempts", 1, 10));
  }
}

// An entry that is called as a preset is that preset, unless it says otherwise.
void TakePreset(const policy::Entry& entry, Reader& reader, provider::ProviderConfig& config) {
  std::vector<std::string> presets;
  for (const provider::Preset& preset : provider::Presets()) presets.emplace_back(preset.name);
  const Node* node = entry.value.Find("preset");
  const std::string name = node ? reader.OneOf(*node, "preset", presets) : entry.key;
  for (const provider::ProviderConfig& known : provider::BuiltinProviders()) {
    if (known.name == name) config = known;
  }
  config.name = entry.key;
}

provider::ProviderConfig ReadProvider(const policy::Entry& entry, Reader& reader) {
  provider::ProviderConfig config;
  config.name = entry.key;
  const Node& node = entry.value;
  const std::string what = fmt::format("provider '{}'", entry.key);
  if (!reader.Map(node, what, {"preset", "kind", "url", "api_version", "key_env", "key_file", "key_command", "ca_file", "connect_s",
                               "timeout_s", "first_token_s", "idle_s", "total_s", "attempts"})) {
    return config;
  }
  if (entry.key == "local" || entry.key == "gateway" || entry.key == "replay") {
    reader.Wrong(node, "'{}' is a name of our own; call the provider something else", entry.key);
  }
  TakePreset(entry, reader, config);
  if (const Node* kind = node.Find("kind")) config.kind = reader.OneOf(*kind, "kind", {"openai", "anthropic"});
  if (const Node* url = node.Find("url")) {
    config.url = reader.Text(*url, "url");
    if (auto parsed = net::ParseUrl(config.url); !parsed) reader.Wrong(*url, "{}", parsed.error().message);
  } else if (config.url.empty()) {
    reader.Wrong(node, "{} needs a url, for example https://api.example.com/v1", what);
  }
  if (const Node* version = node.Find("api_version")) config.api_version = reader.Text(*version, "api_version");
  ReadKeySource(node, reader, config);
  if (const Node* file = node.Find("ca_file")) config.ca_file = reader.Path(*file, "ca_file").string();
  ReadProviderLimits(node, reader, config);
  return config;
}

// Reads the entries of `models`.
class ModelReader {
 public:
  ModelReader(Reader& reader, std::vector<std::string> providers) : reader_(reader), providers_(std::move(providers)) {}

  gateway::ModelRoute Read(const policy::Entry& entry) {
    gateway::ModelRoute route;
    route.name = entry.key;
    const Node& node = entry.value;
    if (node.kind != Node::kMap) {
      ReadTargets(node, route);
      return route;
    }
    reader_.Map(node, fmt::format("model '{}'", entry.key), {"target", "targets", "prompt", "cache", "in_doubt"});
    const Node* one = node.Find("target");
    const Node* many = node.Find("targets");
    if (one && many) reader_.Wrong(*one, "a model has target or targets, not both");
    if (!one && !many) reader_.Wrong(node, "model '{}' needs a target, for example local:smollm2", entry.key);
    if (one || many) ReadTargets(many ? *many : *one, route);
    if (const Node* prompt = node.Find("prompt")) {
      route.policy_prompt = reader_.OneOf(*prompt, "prompt", {"none", "policy"}) == "policy";
    }
    if (const Node* cache = node.Find("cache")) ReadCache(*cache, route);
    if (const Node* in_doubt = node.Find("in_doubt")) ReadInDoubt(*in_doubt, route);
    return route;
  }

 private:
  void ReadInDoubt(const Node& node, gateway::ModelRoute& route) {
    if (!reader_.Map(node, "in_doubt", {"from", "model"})) return;
    const Node* from = node.Find("from");
    const Node* model = node.Find("model");
    if (!from || !model) return reader_.Wrong(node, "in_doubt needs both: {{from: 0.3, model: NAME}}");
    route.in_doubt_from = reader_.Number(*from, "in_doubt.from", 0, 2);
    route.in_doubt = reader_.Text(*model, "in_doubt.model");
  }
  void ReadTargets(const Node& node, gateway::ModelRoute& route) {
    if (node.kind != Node::kList) {
      route.targets.push_back(ReadTarget(node));
    } else {
      for (const Node& item : node.items) route.targets.push_back(ReadTarget(item));
      if (node.items.empty()) reader_.Wrong(node, "targets must name at least one, for example [openai:gpt-5-mini]");
    }
    if (!route.targets.empty()) route.target = route.targets.front().target;
    // One target without limits of its own is asked directly.
    if (route.targets.size() == 1 && node.kind == Node::kScalar) route.targets.clear();
  }
  provider::TargetConfig ReadTarget(const Node& node) {
    provider::TargetConfig target;
    const Node* name = &node;
    if (node.kind == Node::kMap) {
      reader_.Map(node, "a target", {"target", "weight", "context", "connect_s", "first_byte_s", "first_token_s", "idle_s", "total_s"});
      name = node.Find("target");
      if (!name) {
        reader_.Wrong(node, "a target needs its name: {{target: openai:gpt-5-mini}}");
        return target;
      }
      if (const Node* weight = node.Find("weight")) target.weight = reader_.Number(*weight, "weight", 0, 1e6);
      if (const Node* context = node.Find("context")) target.context_tokens = reader_.Whole(*context, "context", 1, 1'000'000'000);
      target.connect = Seconds(node, "connect_s", reader_);
      target.first_byte = Seconds(node, "first_byte_s", reader_);
      target.first_token = Seconds(node, "first_token_s", reader_);
      target.idle = Seconds(node, "idle_s", reader_);
      target.overall = Seconds(node, "total_s", reader_);
    }
    target.target = reader_.Text(*name, "target");
    Check(*name, target.target);
    return target;
  }
  void Check(const Node& node, const std::string& target) {
    const size_t colon = target.find(':');
    const std::string kind = target.substr(0, colon);
    if (colon == std::string::npos || colon + 1 == target.size()) {
      reader_.Wrong(node, "target '{}' must be PROVIDER:MODEL, for example local:smollm2 or openai:*", target);
    } else if (std::ranges::find(providers_, kind) == providers_.end()) {
      reader_.Wrong(node, "no provider '{}'{} (known: {})", kind, DidYouMean(kind, providers_), Join(providers_, ", "));
    }
  }
  // "on", or how long and how much.
  void ReadCache(const Node& node, gateway::ModelRoute& route) {
    provider::CachePolicy policy;
    if (node.kind == Node::kScalar) {
      if (reader_.Switch(node, "cache")) route.cache = policy;
      return;
    }
    if (!reader_.Map(node, "cache", {"ttl", "max_mb"})) return;
    if (const Node* ttl = node.Find("ttl")) policy.ttl = reader_.Duration(*ttl, "cache.ttl");
    if (const Node* size = node.Find("max_mb")) policy.max_bytes = static_cast<size_t>(reader_.Whole(*size, "cache.max_mb", 1, 65536)) << 20;
    route.cache = policy;
  }

  Reader& reader_;
  std::vector<std::string> providers_;
};

}  // namespace

void ReadProviders(const Node& node, Reader& reader, std::vector<provider::ProviderConfig>& providers) {
  if (node.kind != Node::kMap) reader.Wrong(node, "providers must be a map of names to their settings");
  for (const policy::Entry& entry : node.entries) providers.push_back(ReadProvider(entry, reader));
}

void ReadModels(const Node& node, Reader& reader, const std::vector<provider::ProviderConfig>& providers,
                std::vector<gateway::ModelRoute>& models) {
  std::vector<std::string> known = {"local"};
  for (const auto& builtin : provider::BuiltinProviders()) known.push_back(builtin.name);
  for (const auto& own : providers) {
    if (std::ranges::find(known, own.name) == known.end()) known.push_back(own.name);
  }
  models.clear();
  if (node.kind != Node::kMap || node.entries.empty()) {
    reader.Wrong(node, "models must be a map of names to targets, with at least one");
  }
  ModelReader models_reader(reader, std::move(known));
  for (const policy::Entry& entry : node.entries) models.push_back(models_reader.Read(entry));
}

void ReadPrices(const Node& node, Reader& reader, std::vector<provider::Price>& prices) {
  if (node.kind != Node::kMap) return reader.Wrong(node, "prices must be a map of models to {{input, output}} in dollars per million tokens");
  for (const policy::Entry& entry : node.entries) {
    provider::Price price;
    price.model = entry.key;
    if (!reader.Map(entry.value, fmt::format("the price of '{}'", entry.key), {"input", "output", "cached_input", "cache_write"})) continue;
    const auto read = [&](const char* key) -> std::optional<provider::Picodollars> {
      const Node* found = entry.value.Find(key);
      if (!found) return std::nullopt;
      return provider::PerToken(reader.Number(*found, key, 0, 1e6));
    };
    const auto input = read("input"), output = read("output");
    if (!input || !output) reader.Wrong(entry.value, "the price of '{}' needs input and output, in dollars per million tokens", entry.key);
    price.input = input.value_or(0);
    price.output = output.value_or(0);
    price.cached_input = read("cached_input");
    price.cache_write = read("cache_write");
    prices.push_back(std::move(price));
  }
}

}  // namespace plumb::cli
