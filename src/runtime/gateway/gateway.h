// runtime/gateway: the guarded door between applications and models, and the console's window on it.
//
//   Gateway     one HTTP server: /v1 for applications (docs/gateway.md), /api and the console for people
//               (docs/console-api.md), /metrics, /healthz, /readyz
//   Exchange    one request and its answer with the verdicts on both; each becomes a ledger entry (exchange.h)
//   ModelRoute  which names applications may ask for, and who answers
//   Key         who may call; only the SHA-256 is kept (keys.h)
//
//   GatewayOptions options;  // listen, policy, models, …
//   PLUMB_TRY(auto gateway, Gateway::Start(io.get_executor(), std::move(options)));
//   std::puts(gateway->url().c_str());
//   …
//   co_await gateway->Drain(std::chrono::seconds(20));
//
// A request is answered like this: authorise → route → guard the input → ask the provider → guard the output →
// record → answer. Text reaches the caller only when the guard has let it go; an exchange that cannot be recorded is not
// answered. plumb-lm may crash at any time: what needed it fails or falls back as the policy says, everything else goes
// on.
//
// Thread-safety: a Gateway lives on the one thread that runs its executor; guards and the ledger work on threads of
// its own. Errors of Start: whatever the ledger, the guard folder, the address or a provider says.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/net/address.h"
#include "base/net/cors.h"
#include "base/net/server.h"
#include "intent/policy/policy.h"
#include "runtime/gateway/keys.h"
#include "runtime/gateway/log.h"
#include "runtime/guard/llm_judge.h"
#include "runtime/provider/cost.h"
#include "runtime/provider/route.h"

namespace plumb::gateway {

namespace asio = boost::asio;

struct ModelRoute {
  std::string name;            // what applications ask for; "*" matches any run of characters
  std::string target;          // "local:smollm2", "openai:gpt-5-mini"; "openai:*" passes the name on
  bool policy_prompt = false;  // puts the policy's system prompt in front
  std::vector<provider::TargetConfig> targets;  // where there are several, or one with limits of its own; else empty
  std::optional<provider::CachePolicy> cache;   // none: answers are not kept
  // Who answers what the guard lets pass with doubts, an aligned twin of the model for instance: the entry of that name.
  // In doubt is a request whose input verdict scores `in_doubt_from` or more, or is not known. Empty: nobody else.
  std::string in_doubt;
  double in_doubt_from = 1;
};

// What a reload may change.
struct ForceOptions {
  policy::Policy policy;
  fs::path guard;                        // its folder; empty: patterns alone
  bool use_encoder = true;
  std::chrono::milliseconds check_deadline{10'000};  // for one asking of the encoder
  guard::JudgeSettings judge;            // the guard's last tier
  std::vector<ModelRoute> models;        // the first is the default
  std::vector<provider::ProviderConfig> providers;
  std::vector<provider::Price> prices;
  std::vector<Key> keys;                 // none: loopback callers need none, others are refused
  std::vector<Team> teams;
  std::string config_sha256;             // of plumb.yaml, for the record of a reload
};

// Which names of the guardrail proposal spans are written in (docs/gateway.md).
enum class Guardrails { kOff, kSecurity, kGuardrail };

struct TelemetryOptions {
  std::string endpoint;          // of an OTLP/HTTP collector, "http://localhost:4318"; empty: none
  std::string headers_env;       // the environment variable that holds its headers
  std::string ca_file;
  bool content = false;          // whether texts are told
  double sample = 1;             // share of traces, where the caller has not decided
  Guardrails guardrails = Guardrails::kOff;
  std::chrono::milliseconds interval{5'000};
  bool operator==(const TelemetryOptions&) const = default;
};

// What stands for the life of the process.
struct FixedOptions {
  net::Address listen;
  net::ServerOptions server;             // limits and TLS of the listener
  net::Cors cors;
  fs::path limits;                       // the file of budgets; empty: limits.db beside the ledger
  fs::path project;                      // where align/ is
  fs::path ledger;
  std::chrono::milliseconds ledger_lock_limit{5'000};  // how long an exchange waits while another process has it locked
  provider::LmOptions lm;
  std::string version;
  Clock clock = SystemClock();
  std::function<std::string(const std::string&)> environment;  // empty: the process's
  std::function<void(const std::string&)> warn;                // lines for the operator's log; empty: dropped
  std::function<void(const LogLine&)> log;                     // one line an exchange; empty: dropped
  LogLevel log_level = LogLevel::kWarn;
  bool metrics = true;                   // whether /metrics is served
  TelemetryOptions telemetry;
  int guard_threads = 2;
  int64_t reports_per_hour = 0;          // taken in at /report from one address; 0: there is no /report
};

struct GatewayOptions : FixedOptions, ForceOptions {};

// Reads policy and configuration again. Called on a thread of the gateway's choice.
using ForceLoader = std::function<Result<ForceOptions>()>;

struct Service;

class Gateway {
 public:
  static Result<std::unique_ptr<Gateway>> Start(asio::any_io_executor executor, GatewayOptions options);
  ~Gateway();

  std::string url() const;
  // Puts a new policy, guard and configuration in force: requests in progress, streams too, end under what they began
  // under, later ones come under the new. What `load` or the files behind it refuse changes nothing, and is an error
  // here, a counter in /metrics and a line at /api/status. `by`: "SIGHUP", "file". Each is a ledger entry.
  asio::awaitable<Status> Reload(std::string by, ForceLoader load);
  // Takes no more connections, lets answers in progress end for up to `grace`.
  asio::awaitable<void> Drain(std::chrono::milliseconds grace);

 private:
  explicit Gateway(std::unique_ptr<Service> service);
  struct Life;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Life> life_;
};

}  // namespace plumb::gateway
