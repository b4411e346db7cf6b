// Targets by name: what `--target` takes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/net/client.h"
#include "runtime/provider/lm_process.h"
#include "runtime/provider/provider.h"
#include "runtime/provider/retry.h"

namespace plumb::provider {

// One entry of plumb.yaml's `providers`.
struct ProviderConfig {
  std::string name;
  std::string kind = "openai";  // openai | anthropic
  std::string preset;           // whose dialect it speaks (presets.h); empty: the plain protocol
  std::string url;              // "https://api.openai.com/v1"
  std::string api_version;      // Azure's; empty: its v1 form
  std::string key_env;          // the environment variable that holds the key
  std::string key_file;         // or the file,
  std::string key_command;      // or the command that prints it; all empty: none is needed
  std::string ca_file;
  net::Timeouts timeouts{.idle = std::chrono::seconds(30)};
  Millis first_token{0};        // of a stream, to its first piece; 0: timeouts.first_byte
  Millis after_end{5'000};      // for the usage and end mark that a complete stream still owes
  RetryPolicy retry;
};

// The presets with their usual URL and key variable; a name of one needs no entry in plumb.yaml.
const std::vector<ProviderConfig>& BuiltinProviders();

struct OpenOptions {
  asio::any_io_executor executor;         // empty: the provider runs a thread of its own
  std::vector<ProviderConfig> providers;  // before the built-in ones
  std::string gateway_url;                // for gateway:ROUTE, "http://127.0.0.1:8080"
  std::string gateway_key_env = "PLUMB_KEY";
  std::function<std::string(const std::string&)> environment;  // empty: the process's
  LmOptions lm;                           // `models` is set from the target
};

struct Target {
  std::string name;   // as given
  std::string model;  // what requests without a model are sent to
  std::shared_ptr<Provider> provider;
};

// "local:MODEL[+ADAPTER]", "openai:MODEL", "anthropic:MODEL", "PROVIDER:MODEL" from plumb.yaml, "gateway:ROUTE",
// "replay:FILE". Opening makes no call: whether the model is there shows at the first request. Errors: kInvalid (form),
// kNotFound (unknown provider or missing adapter or file, with near names), kPermission (the key variable is not set).
Result<Target> OpenTarget(std::string_view name, const OpenOptions& options);

// One provider for several models.
Result<std::shared_ptr<Provider>> OpenProvider(const ProviderConfig& config, const OpenOptions& options,
                                               const std::string& default_model = "");

}  // namespace plumb::provider
