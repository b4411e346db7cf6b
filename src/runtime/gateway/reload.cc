// A new policy, guard or configuration, put in force between two requests.
#include "runtime/gateway/reload.h"

#include <algorithm>

namespace plumb::gateway {
namespace {

// Every step in turn; what reads files does so on a thread of its own. `commands`: a command was asked for a vendor's key.
asio::awaitable<Result<Force>> Build(Service& service, const ForceLoader& load, bool& commands) {
  const ForceLoader* loader = &load;
  auto reading = [loader] { return (*loader)(); };
  Result<ForceOptions> options = co_await On(service.ledger_threads, std::move(reading));
  if (!options) co_return std::unexpected(std::move(options).error());
  commands = std::ranges::any_of(options->providers, [](const provider::ProviderConfig& config) { return !config.key_command.empty(); });
  // Both live in this coroutine until the threads are done with them.
  ForceBuilder builder(service.executor, service.options, service.force);
  ForceBuilder* made = &builder;
  ForceOptions* read = &*options;
  auto guard_file = [made, read] { return made->ReadGuard(*read); };
  PLUMB_CO_CHECK(co_await On(service.ledger_threads, std::move(guard_file)));
  PLUMB_CO_CHECK(builder.OpenModels(*options));
  auto guards = [made, read] { return made->MakeGuards(*read); };
  PLUMB_CO_CHECK(co_await On(service.ledger_threads, std::move(guards)));
  co_return builder.Finish(std::move(*options));
}

asio::awaitable<Status> Write(Service& service, json::object body) {
  ledger::Ledger* ledger = service.ledger.get();
  ledger::Entry entry{.kind = "reload", .body = std::move(body)};
  auto append = [ledger, entry = std::move(entry)]() mutable { return ledger->Append(std::move(entry)); };
  Result<ledger::Receipt> receipt = co_await On(service.ledger_threads, std::move(append));
  if (!receipt) co_return std::unexpected(Context(receipt.error(), "recording the reload"));
  co_return Status();
}

asio::awaitable<Status> Refuse(Service& service, const std::string& by, Error error) {
  ReloadState& state = service.reloads;
  ++state.refused;
  state.error = error.Text();
  service.metrics.CountReload("refused");
  json::object body = {{"by", by}, {"result", "refused"}, {"error", state.error}, {"old", service.force->Identity()}};
  Status written = co_await Write(service, std::move(body));
  if (!written && service.options.warn) service.options.warn(written.error().Text());
  co_return std::unexpected(std::move(error));
}

asio::awaitable<Status> ReplaceForce(Service& service, std::string by, ForceLoader load) {
  bool commands = false;
  Result<Force> made = co_await Build(service, load, commands);
  service.reloads.last = service.options.clock();
  if (!made) {
    Error error = std::move(made).error();
    Status refused = co_await Refuse(service, by, std::move(error));
    co_return refused;
  }
  const json::object was = service.force->Identity(), is = (*made)->Identity();
  if (was == is) {
    // Nothing that the record names has changed; what a command printed may be another key.
    if (commands) service.force = std::move(*made);
    service.reloads.error.clear();
    service.metrics.CountReload("unchanged");
    co_return Status();
  }
  // Recorded before it is in force, like everything else here.
  json::object body = {{"by", by}, {"result", "ok"}, {"old", was}, {"new", is}};
  Status written = co_await Write(service, std::move(body));
  if (!written) {
    Error error = std::move(written).error();
    Status refused = co_await Refuse(service, by, std::move(error));
    co_return refused;
  }
  auto& before = service.reloads.before;
  std::erase_if(before, [](const auto& old) { return old.expired(); });
  before.push_back(service.force);
  service.force = std::move(*made);
  ++service.reloads.done;
  service.reloads.error.clear();
  service.metrics.CountReload("ok");
  co_return Status();
}

}  // namespace

asio::awaitable<Status> Reload(Service& service, std::string by, ForceLoader load) {
  ReloadState& state = service.reloads;
  if (state.running) co_return Fail(Code::kConflict, "a reload is under way");
  state.running = true;
  Status done = co_await ReplaceForce(service, std::move(by), std::move(load));
  state.running = false;
  co_return done;
}

}  // namespace plumb::gateway
