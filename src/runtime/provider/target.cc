#include "runtime/provider/target.h"

#include <algorithm>
#include <cstdlib>

#include "base/core/secret.h"
#include "base/net/io_thread.h"
#include "runtime/provider/http_provider.h"
#include "runtime/provider/local.h"
#include "runtime/provider/presets.h"
#include "runtime/provider/replay.h"

namespace plumb::provider {
namespace {

// The executor to run on, with the thread behind it where it is ours.
struct Home {
  std::shared_ptr<net::IoThread> thread;
  asio::any_io_executor executor;
};

Home HomeOf(const OpenOptions& options) {
  if (options.executor) return {nullptr, options.executor};
  auto thread = std::make_shared<net::IoThread>();
  return {thread, thread->executor()};
}

// Owned by whoever holds the provider; sockets and processes end on their own thread, and the thread after them.
std::shared_ptr<Provider> Settle(std::unique_ptr<Provider> provider, Home home) {
  if (!home.thread) return provider;
  return std::shared_ptr<Provider>(provider.release(), [thread = home.thread](Provider* owned) {
    net::Wait(thread->executor(), [](Provider* it) -> asio::awaitable<void> {
      delete it;
      co_return;
    }(owned));
  });
}

std::string Environment(const OpenOptions& options, const std::string& name) {
  if (options.environment) return options.environment(name);
  const char* value = std::getenv(name.c_str());
  return value ? value : "";
}

Result<Target> OpenLocal(std::string_view name, const std::string& model, const OpenOptions& options) {
  // MODEL+ADAPTER_FOLDER, perhaps with @SCALE behind it.
  if (const size_t plus = model.find('+'); plus != std::string::npos) {
    const std::string adapter = model.substr(plus + 1, model.rfind('@') == std::string::npos ? std::string::npos
                                                                                             : model.rfind('@') - plus - 1);
    std::error_code ignored;
    if (!fs::exists(adapter, ignored) && !fs::exists(model.substr(plus + 1), ignored)) {
      return FailAt(adapter, Code::kNotFound, "the adapter folder does not exist");
    }
  }
  Home home = HomeOf(options);
  LmOptions lm = options.lm;
  lm.models = {model};
  auto made = std::make_unique<LocalProvider>(home.executor, model, std::move(lm));
  return Target{std::string(name), model, Settle(std::move(made), home)};
}

}  // namespace

const std::vector<ProviderConfig>& BuiltinProviders() {
  static const std::vector<ProviderConfig> known = [] {
    std::vector<ProviderConfig> out;
    for (const Preset& preset : Presets()) {
      ProviderConfig config;
      config.name = config.preset = preset.name;
      config.kind = preset.kind;
      config.url = preset.url;
      config.key_env = preset.key_env;
      out.push_back(std::move(config));
    }
    return out;
  }();
  return known;
}

Result<std::shared_ptr<Provider>> OpenProvider(const ProviderConfig& config, const OpenOptions& options,
                                               const std::string& default_model) {
  if (config.url.empty()) {
    return Fail(Code::kInvalid, "provider '{}' needs a url, for example https://RESOURCE.openai.azure.com/openai/v1", config.name);
  }
  HttpOptions http;
  http.name = config.name;
  PLUMB_TRY(http.base, net::ParseUrl(config.url));
  http.default_model = default_model;
  http.timeouts = config.timeouts;
  http.first_token = config.first_token;
  http.after_end = config.after_end;
  http.retry = config.retry;
  http.ca_file = config.ca_file;
  if (!config.key_file.empty() || !config.key_command.empty()) {
    auto key = ReadSecret({.file = config.key_file, .command = config.key_command}, nullptr);
    if (!key) return std::unexpected(Context(key.error(), fmt::format("provider '{}'", config.name)));
    http.key = std::move(*key);
    http.key_file = config.key_file;
  } else if (!config.key_env.empty()) {
    http.key = Environment(options, config.key_env);
    if (http.key.empty()) {
      return Fail(Code::kPermission, "provider '{}' needs its key in the environment variable {}, which is not set",
                  config.name, config.key_env);
    }
  }
  if (config.kind != "openai" && config.kind != "anthropic") {
    return Fail(Code::kInvalid, "provider '{}' has kind '{}'; it must be openai or anthropic", config.name, config.kind);
  }
  const Preset* preset = FindPreset(config.preset);
  if (!preset && !config.preset.empty()) return Fail(Code::kInvalid, "provider '{}' has an unknown preset '{}'", config.name, config.preset);
  Home home = HomeOf(options);
  auto protocol = config.kind == "anthropic" ? AnthropicProtocol()
                                             : OpenAiProtocol(preset ? preset->dialect : Dialect(), config.api_version);
  auto made = std::make_unique<HttpProvider>(home.executor, std::move(http), std::move(protocol));
  return Settle(std::move(made), home);
}

Result<Target> OpenTarget(std::string_view name, const OpenOptions& options) {
  const size_t colon = name.find(':');
  const std::string kind(name.substr(0, colon));
  const std::string rest = colon == std::string_view::npos ? "" : std::string(name.substr(colon + 1));
  if (kind.empty() || rest.empty()) {
    return Fail(Code::kInvalid, "target '{}' is not understood; write local:MODEL[+ADAPTER], PROVIDER:MODEL, "
                "gateway:ROUTE or replay:FILE", name);
  }
  if (kind == "local") return OpenLocal(name, rest, options);
  if (kind == "replay") {
    Home home = HomeOf(options);
    PLUMB_TRY(auto replay, OpenReplay(rest, home.executor));
    return Target{std::string(name), rest, Settle(std::move(replay), home)};
  }
  if (kind == "gateway") {
    if (options.gateway_url.empty()) return Fail(Code::kInvalid, "gateway:{} needs `listen` in plumb.yaml", rest);
    ProviderConfig gateway{.name = "gateway", .url = options.gateway_url + "/v1", .key_env = options.gateway_key_env};
    PLUMB_TRY(auto provider, OpenProvider(gateway, options, rest));
    return Target{std::string(name), rest, std::move(provider)};
  }
  std::vector<std::string> known = {"local", "gateway", "replay"};
  for (const auto* list : {&options.providers, &BuiltinProviders()}) {
    for (const ProviderConfig& config : *list) {
      known.push_back(config.name);
      if (config.name != kind) continue;
      PLUMB_TRY(auto provider, OpenProvider(config, options, rest));
      return Target{std::string(name), rest, std::move(provider)};
    }
  }
  std::ranges::sort(known);
  known.erase(std::unique(known.begin(), known.end()), known.end());
  return Fail(Code::kNotFound, "no provider '{}'{} (known: {})", kind, DidYouMean(kind, known), Join(known, ", "));
}

}  // namespace plumb::provider
