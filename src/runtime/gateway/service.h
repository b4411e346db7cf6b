// What every handler of the gateway works with. Private to this room.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <memory>
#include <string>

#include "base/net/net.h"
#include "base/net/otlp.h"
#include "evidence/ledger/ledger.h"
#include "intent/policy/route_match.h"
#include "runtime/gateway/exchange.h"
#include "runtime/gateway/gateway.h"
#include "runtime/gateway/guard_health.h"
#include "runtime/gateway/in_force.h"
#include "runtime/gateway/limits.h"
#include "runtime/gateway/metrics.h"
#include "runtime/gateway/recorder.h"
#include "runtime/gateway/shadow.h"

namespace plumb::gateway {

// What became of reloads so far.
struct ReloadState {
  bool running = false;
  uint64_t done = 0, refused = 0;
  std::string error;         // of the newest, where it was refused
  std::optional<Time> last;  // when one was tried
  std::vector<std::weak_ptr<const InForce>> before;  // what was in force, as long as a request still holds it
};

struct Service {
  Service(asio::any_io_executor e, FixedOptions o);
  ~Service();

  asio::any_io_executor executor;
  FixedOptions options;
  Time started;
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();  // for how long, whatever the clock says
  std::unique_ptr<ledger::Ledger> ledger;
  std::unique_ptr<Limits> limits;
  Force force;  // for requests that begin now; whoever awaits keeps a copy
  ReloadState reloads;
  Metrics metrics;
  GuardHealth guard_health;
  std::map<std::string, uint64_t> totals;  // by action, and "exchanges", "errors", "observed"
  asio::thread_pool guard_threads;
  Recorder recorder{executor};
  asio::thread_pool ledger_threads{4};  // for who reads
  std::unique_ptr<net::OtlpExporter> otlp;  // nullptr: nobody listens
  ShadowWork shadows;
  std::unique_ptr<net::Server> server;
  bool draining = false;
};

// Runs `work` on one of `pool`'s threads and comes back. `work` must not touch what belongs to the gateway's thread.
template <class Work>
asio::awaitable<std::invoke_result_t<Work>> On(asio::thread_pool& pool, Work work) {
  using Value = std::invoke_result_t<Work>;
  auto task = [](Work todo) -> asio::awaitable<Value> { co_return todo(); };
  co_return co_await asio::co_spawn(pool, task(std::move(work)), asio::use_awaitable);
}

// Who calls: the key's name and role; loopback callers without keys are "local". What they may: access.h.
struct Caller {
  std::string name;
  std::string role;
  const Key* key = nullptr;  // of what was in force; "local" has none
};
// Error: kPermission, with what to send, or what the key's role may not; access.h's AccessStatus is its HTTP status.
Result<Caller> Authorise(const Service& service, const net::Request& request);
// For /api and the console: loopback without a key, as docs/console-api.md says. Error: kPermission; `status` is 401
// or 403.
Status AuthoriseConsole(const Service& service, const net::Request& request, int& status);

using policy::Covers;
using policy::RouteFor;

// Who answers for a model name. Errors: kNotFound with near names.
struct Answerer {
  const ModelRoute* route = nullptr;
  std::shared_ptr<provider::Provider> provider;
  std::string model;   // as the provider names it
  std::string target;  // "local:smollm2"
};
Result<Answerer> FindAnswerer(const InForce& force, const std::string& model);

// Writes the exchange to the ledger, and counts it. Error: kIo; then the caller must not be answered.
asio::awaitable<Result<ledger::Receipt>> Record(Service& service, const Stance& stance, Exchange& exchange);

double MillisSince(std::chrono::steady_clock::time_point start);

int HttpStatus(Code code);
// Our own error object (/api).
json::value ApiError(const Error& error);

// One handler per path; gateway.cc holds the table.
asio::awaitable<void> Moderations(Service& service, net::Request& request, net::ResponseWriter& out);
asio::awaitable<void> ListModels(Service& service, net::Request& request, net::ResponseWriter& out);
asio::awaitable<void> GetModel(Service& service, net::Request& request, net::ResponseWriter& out);
asio::awaitable<void> GetExchange(Service& service, net::Request& request, net::ResponseWriter& out);
asio::awaitable<void> ConsoleApi(Service& service, net::Request& request, net::ResponseWriter& out);

}  // namespace plumb::gateway
