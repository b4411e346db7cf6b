#include "runtime/gateway/service.h"

#include <algorithm>

namespace plumb::gateway {

Service::Service(asio::any_io_executor e, FixedOptions o)
    : executor(std::move(e)),
      options(std::move(o)),
      started(options.clock()),
      guard_threads(static_cast<size_t>(std::max(1, options.guard_threads))) {}

Service::~Service() {
  server.reset();
  guard_threads.join();
  ledger_threads.join();
}

Result<Answerer> FindAnswerer(const InForce& force, const std::string& model) {
  std::vector<std::string> names;
  for (const ModelRoute& route : force.models) {
    const bool first = model.empty() && !route.name.contains('*');
    if (!first && !Covers(route.name, model)) {
      names.push_back(route.name);
      continue;
    }
    const size_t colon = route.target.find(':');
    std::string behind = route.target.substr(colon + 1);
    if (behind == "*") behind = model;
    const std::string kind = route.target.substr(0, colon);
    if (const auto composed = force.routes.find(route.name); composed != force.routes.end()) {
      return Answerer{&route, composed->second, model.empty() ? route.name : model, kind + ":" + behind};
    }
    const auto found = force.providers.find(kind == "local" ? route.target : kind);
    if (found == force.providers.end()) return Fail(Code::kInternal, "no provider for {}", route.target);
    return Answerer{&route, found->second, behind, kind + ":" + behind};
  }
  if (model.empty()) return Fail(Code::kInvalid, "name a model: {}", Join(names, ", "));
  return Fail(Code::kNotFound, "no model '{}' here{} (known: {})", model, DidYouMean(model, names), Join(names, ", "));
}

asio::awaitable<Result<ledger::Receipt>> Record(Service& service, const Stance& stance, Exchange& exchange) {
  ++service.totals["exchanges"];
  ++service.totals[std::string(policy::ActionName(exchange.action))];
  if (exchange.status == "error") ++service.totals["errors"];
  if (exchange.mode == "observe" && exchange.action > guard::Action::kFlag) ++service.totals["observed"];
  service.metrics.CountExchange(exchange);
  if (stance.guard_id == service.force->guard_id) {
    const std::string drift = service.guard_health.Count(*service.force, exchange);
    if (!drift.empty() && service.options.warn) service.options.warn("the guard's thresholds are stale, traffic has drifted: " + drift);
  }
  if (exchange.mode == "pass") co_return ledger::Receipt();  // that nothing is recorded is what the policy wants
  const auto start = std::chrono::steady_clock::now();
  Result<ledger::Entry> entry = ToEntry(exchange, {stance.policy.hash, stance.guard_id});
  Result<ledger::Receipt> receipt;
  if (entry) receipt = co_await service.recorder.Append(*service.ledger, *std::move(entry));
  else receipt = std::unexpected(std::move(entry).error());
  service.metrics.ObserveLedger(MillisSince(start) / 1000);
  if (!receipt && service.options.warn) service.options.warn("the ledger refused an exchange: " + receipt.error().Text());
  co_return receipt;
}

double MillisSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

int HttpStatus(Code code) {
  switch (code) {
    case Code::kInvalid: case Code::kUnsupported: return 400;
    case Code::kPermission: return 401;
    case Code::kNotFound: return 404;
    case Code::kConflict: return 409;
    case Code::kExhausted: return 429;
    case Code::kUnavailable: case Code::kCancelled: return 503;
    case Code::kDeadline: return 504;
    case Code::kCorrupt: return 502;
    default: return 500;
  }
}

json::value ApiError(const Error& error) {
  return {{"error", {{"code", CodeName(error.code)}, {"message", error.message}, {"where", error.where}}}};
}

}  // namespace plumb::gateway
