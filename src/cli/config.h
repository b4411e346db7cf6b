// plumb.yaml: where it runs. What is wanted stands in policy.yaml.
//
//   listen: 127.0.0.1:8080
//   providers:
//     openai: {kind: openai, url: https://api.openai.com/v1, key_env: OPENAI_API_KEY}
//   models:                             # the first is the default
//     smollm2: local:smollm2
//     gpt-*: {target: "openai:*", prompt: policy}
//     assistant: [openai:gpt-5-mini, mistral:mistral-large-latest]   # config_models.h
//   ledger: ledger.db
//   guard: guard                        # the folder; off: patterns alone; absent: guard/ beside the policy, else the shipped one
//   judge: {target: openai:gpt-5-mini}  # config_judge.h
//   keys:
//     - {name: app, sha256: 0f…}        # role: application | reviewer | operator | auditor | administrator
//   keys_file: keys.yaml; teams: …      # config_keys.h
//   tls, cors, http: …                  # config_listen.h
//   lm: {encoder: on, deadline_s: 10, program: /opt/plumb/plumb-lm, arguments: [--precision, f32]}
//   telemetry: {metrics: on, otlp: {endpoint: http://localhost:4318}}
//   log: {format: json, level: info}
//   reload: on                          # where files change, not only on SIGHUP
//   reports: {per_hour: 5}              # opens /report to everybody who reaches this gateway
//   paging: {on-call: {webhook: https://…}}
//   redteam: …                          # config_redteam.h
//
// Relative paths are taken from the file's own folder. docs/gateway.md describes every key.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "base/net/address.h"
#include "measure/redteam/schedule.h"
#include "runtime/gateway/gateway.h"
#include "runtime/guard/llm_judge.h"

namespace plumb::cli {

struct Config {
  fs::path folder;  // of the file
  net::Address listen{"127.0.0.1", 8080, ""};
  std::vector<provider::ProviderConfig> providers;
  std::vector<gateway::ModelRoute> models = {{.name = "smollm2", .target = "local:smollm2"}};
  std::vector<provider::Price> prices;
  fs::path ledger;
  std::optional<fs::path> guard;  // empty path: patterns alone
  guard::JudgeSettings judge;
  std::vector<gateway::Key> keys;    // those of keys_file too
  fs::path keys_file;                // that `plumb keys` writes; may be empty
  std::vector<gateway::Team> teams;
  fs::path limits;                   // the file of budgets; empty: limits.db beside the ledger
  net::ServerOptions server;
  net::Cors cors;
  provider::LmOptions lm;
  bool encoder = true;
  std::chrono::milliseconds check_deadline{10'000};  // for one asking of the encoder
  bool metrics = true;
  gateway::TelemetryOptions telemetry;
  gateway::LogOptions log;
  int64_t reports_per_hour = 0;  // at /report, from one address; 0: closed
  bool reload = false;  // where files change, not only on SIGHUP
  std::map<std::string, std::string> paging;  // name → webhook
  std::vector<redteam::Schedule> redteam;     // when it attacks again
};

// Every fault of the file is in the error's message, one on each line, with line and column. Errors: kNotFound, kInvalid.
Result<Config> LoadConfig(const fs::path& file);
Result<Config> ParseConfig(std::string_view text, const std::string& name, const fs::path& folder);
// The same, and the defaults above where there is no file "plumb.yaml".
Result<Config> ConfigOrDefaults(const std::string& file);

// For OpenTarget: the configured providers, plumb-lm, and the gateway's address for gateway:ROUTE.
provider::OpenOptions OpenOptionsOf(const Config& config);

}  // namespace plumb::cli
