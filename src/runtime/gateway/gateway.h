// runtime/gateway: the guarded door between applications and models, and the console's window on it.
//
//   Gateway     one HTTP server: /v1 for applications (docs/gateway.md), /api and the console for people
//               (docs/console-api.md), /metrics, /healthz, /readyz
//   Exchange    one request and its answer with the verdicts on both; each becomes a ledger entry (exchange.h)
//   ModelRoute  which names applications may ask for, and who answers
//   Key         who may call; only the SHA-256 is kept (keys.h)
//
//   GatewayOptions options{.listen = *net::ParseAddress("127.0.0.1:8080"), .policy = policy, …};
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
#include "intent/policy/policy.h"
#include "runtime/gateway/keys.h"
#include "runtime/provider/target.h"

namespace plumb::gateway {

namespace asio = boost::asio;

struct ModelRoute {
  std::string name;            // what applications ask for; "*" matches any run of characters
  std::string target;          // "local:smollm2", "openai:gpt-5-mini"; "openai:*" passes the name on
  bool policy_prompt = false;  // puts the policy's system prompt in front
};

struct GatewayOptions {
  net::Address listen;
  fs::path project;                      // where align/ is
  policy::Policy policy;
  fs::path guard;                        // its folder; empty: patterns alone
  bool use_encoder = true;
  std::vector<ModelRoute> models;        // the first is the default
  std::vector<provider::ProviderConfig> providers;
  std::vector<Key> keys;                 // none: loopback callers need none, others are refused
  fs::path ledger;
  provider::LmOptions lm;
  std::string version;
  Clock clock = SystemClock();
  std::function<std::string(const std::string&)> environment;  // empty: the process's
  std::function<void(const std::string&)> warn;                // lines for the operator's log; empty: dropped
  bool metrics = true;                   // whether /metrics is served
  int guard_threads = 2;
};

struct Service;

class Gateway {
 public:
  static Result<std::unique_ptr<Gateway>> Start(asio::any_io_executor executor, GatewayOptions options);
  ~Gateway();

  std::string url() const;
  // Takes no more connections, lets answers in progress end for up to `grace`.
  asio::awaitable<void> Drain(std::chrono::milliseconds grace);

 private:
  explicit Gateway(std::unique_ptr<Service> service);
  struct Life;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Life> life_;
};

}  // namespace plumb::gateway
