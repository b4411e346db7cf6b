#include "cli/config.h"

#include <set>

#include "cli/config_keys.h"
#include "cli/config_reader.h"

namespace plumb::cli {
namespace {

provider::ProviderConfig ReadProvider(const policy::Entry& entry, Reader& reader) {
  provider::ProviderConfig config;
  config.name = entry.key;
  const Node& node = entry.value;
  const std::string what = fmt::format("provider '{}'", entry.key);
  if (!reader.Map(node, what, {"kind", "url", "key_env", "ca_file", "timeout_s", "attempts"})) return config;
  if (entry.key == "local" || entry.key == "gateway" || entry.key == "replay") {
    reader.Wrong(node, "'{}' is a name of our own; call the provider something else", entry.key);
  }
  for (const provider::ProviderConfig& known : provider::BuiltinProviders()) {
    if (known.name == entry.key) config = known;
  }
  if (const Node* kind = node.Find("kind")) config.kind = reader.OneOf(*kind, "kind", {"openai", "anthropic"});
  if (const Node* url = node.Find("url")) {
    config.url = reader.Text(*url, "url");
    if (auto parsed = net::ParseUrl(config.url); !parsed) reader.Wrong(*url, "{}", parsed.error().message);
  } else if (config.url.empty()) {
    reader.Wrong(node, "{} needs a url, for example https://api.example.com/v1", what);
  }
  if (const Node* key = node.Find("key_env")) {
    config.key_env = reader.Text(*key, "key_env");
    if (config.key_env.starts_with("sk-") || config.key_env.size() > 60) {
      reader.Wrong(*key, "key_env is the name of an environment variable, never the key itself");
    }
  }
  if (const Node* file = node.Find("ca_file")) config.ca_file = reader.Path(*file, "ca_file").string();
  if (const Node* limit = node.Find("timeout_s")) {
    config.timeouts.first_byte = std::chrono::seconds(reader.Whole(*limit, "timeout_s", 1, 3600));
  }
  if (const Node* attempts = node.Find("attempts")) {
    config.retry.max_attempts = static_cast<int>(reader.Whole(*attempts, "attempts", 1, 10));
  }
  return config;
}

gateway::ModelRoute ReadModel(const policy::Entry& entry, Reader& reader, const std::vector<std::string>& providers) {
  gateway::ModelRoute route;
  route.name = entry.key;
  const Node* target = &entry.value;
  if (entry.value.kind == Node::kMap) {
    reader.Map(entry.value, fmt::format("model '{}'", entry.key), {"target", "prompt"});
    target = entry.value.Find("target");
    if (!target) {
      reader.Wrong(entry.value, "model '{}' needs a target, for example local:smollm2", entry.key);
      return route;
    }
    if (const Node* prompt = entry.value.Find("prompt")) {
      route.policy_prompt = reader.OneOf(*prompt, "prompt", {"none", "policy"}) == "policy";
    }
  }
  route.target = reader.Text(*target, "target");
  const size_t colon = route.target.find(':');
  const std::string kind = route.target.substr(0, colon);
  if (colon == std::string::npos || colon + 1 == route.target.size()) {
    reader.Wrong(*target, "target '{}' must be PROVIDER:MODEL, for example local:smollm2 or openai:*", route.target);
  } else if (std::ranges::find(providers, kind) == providers.end()) {
    reader.Wrong(*target, "no provider '{}'{} (known: {})", kind, DidYouMean(kind, providers), Join(providers, ", "));
  }
  return route;
}

void ReadLm(const Node& node, Reader& reader, Config& config) {
  if (!reader.Map(node, "lm", {"encoder", "program", "arguments", "start_limit_s"})) return;
  if (const Node* encoder = node.Find("encoder")) config.encoder = reader.Switch(*encoder, "lm.encoder");
  if (const Node* program = node.Find("program")) config.lm.program = reader.Path(*program, "lm.program");
  if (const Node* limit = node.Find("start_limit_s")) {
    config.lm.start_limit = std::chrono::seconds(reader.Whole(*limit, "lm.start_limit_s", 1, 3600));
  }
  if (const Node* arguments = node.Find("arguments")) {
    if (arguments->kind != Node::kList) reader.Wrong(*arguments, "lm.arguments must be a list of texts");
    for (const Node& item : arguments->items) config.lm.arguments.push_back(reader.Text(item, "an argument"));
  }
}

void ReadPaging(const Node& node, Reader& reader, Config& config) {
  if (node.kind != Node::kMap) return reader.Wrong(node, "paging must be a map of names to {{webhook: URL}}");
  for (const policy::Entry& entry : node.entries) {
    if (!reader.Map(entry.value, fmt::format("paging.{}", entry.key), {"webhook"})) continue;
    const Node* webhook = entry.value.Find("webhook");
    if (!webhook) {
      reader.Wrong(entry.value, "paging.{} needs a webhook", entry.key);
      continue;
    }
    const std::string url = reader.Text(*webhook, "webhook");
    if (auto parsed = net::ParseUrl(url); !parsed) reader.Wrong(*webhook, "{}", parsed.error().message);
    config.paging[entry.key] = url;
  }
}

void ReadModels(const Node& root, Reader& reader, Config& config) {
  std::vector<std::string> known = {"local"};
  for (const auto& builtin : provider::BuiltinProviders()) known.push_back(builtin.name);
  if (const Node* providers = root.Find("providers")) {
    if (providers->kind != Node::kMap) reader.Wrong(*providers, "providers must be a map of names to their settings");
    for (const policy::Entry& entry : providers->entries) {
      config.providers.push_back(ReadProvider(entry, reader));
      known.push_back(entry.key);
    }
  }
  const Node* models = root.Find("models");
  if (!models) return;
  config.models.clear();
  if (models->kind != Node::kMap || models->entries.empty()) {
    reader.Wrong(*models, "models must be a map of names to targets, with at least one");
  }
  for (const policy::Entry& entry : models->entries) config.models.push_back(ReadModel(entry, reader, known));
}

}  // namespace

Result<Config> ParseConfig(std::string_view text, const std::string& name, const fs::path& folder) {
  Problems problems;
  const Node root = policy::ParseYaml(text, name, problems).value_or(Node());
  Config config;
  config.folder = folder;
  config.ledger = folder / "ledger.db";
  Reader reader(folder, problems);
  const std::vector<std::string> keys = {"listen", "providers", "models", "ledger", "guard", "keys", "lm", "telemetry", "paging"};
  if (root.kind != Node::kNull && reader.Map(root, "plumb.yaml", keys)) {
    if (const Node* listen = root.Find("listen")) {
      auto address = net::ParseAddress(reader.Text(*listen, "listen"));
      if (address) config.listen = *address;
      else reader.Wrong(*listen, "{}", address.error().message);
    }
    ReadModels(root, reader, config);
    if (const Node* ledger = root.Find("ledger")) config.ledger = reader.Path(*ledger, "ledger");
    if (const Node* guard = root.Find("guard")) config.guard = reader.Path(*guard, "guard");
    if (const Node* list = root.Find("keys")) {
      if (list->kind != Node::kList) reader.Wrong(*list, "keys must be a list of {{name, sha256}}");
      for (const Node& item : list->items) config.keys.push_back(ReadKey(item, reader));
    }
    if (const Node* lm = root.Find("lm")) ReadLm(*lm, reader, config);
    if (const Node* telemetry = root.Find("telemetry"); telemetry && reader.Map(*telemetry, "telemetry", {"metrics"})) {
      if (const Node* metrics = telemetry->Find("metrics")) config.metrics = reader.Switch(*metrics, "telemetry.metrics");
    }
    if (const Node* paging = root.Find("paging")) ReadPaging(*paging, reader, config);
  }
  if (problems.empty()) return config;
  std::vector<std::string> lines;
  for (size_t i = 1; i < problems.size(); ++i) lines.push_back("\n" + problems[i].where + ": " + problems[i].message);
  return std::unexpected(Error{Code::kInvalid, problems[0].message + Join(lines, ""), problems[0].where});
}

Result<Config> LoadConfig(const fs::path& file) {
  PLUMB_TRY(const std::string text, ReadFile(file));
  return ParseConfig(text, file.string(), file.parent_path());
}

Result<Config> ConfigOrDefaults(const std::string& file) {
  std::error_code ignored;
  if (file == "plumb.yaml" && !fs::exists(file, ignored)) return ParseConfig("", file, "");
  return LoadConfig(file);
}

provider::OpenOptions OpenOptionsOf(const Config& config) {
  provider::OpenOptions options;
  options.providers = config.providers;
  options.lm = config.lm;
  options.gateway_url = "http://" + config.listen.Text();
  return options;
}

}  // namespace plumb::cli
