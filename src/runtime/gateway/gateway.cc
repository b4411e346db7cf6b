#include "runtime/gateway/gateway.h"

#include <malloc.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "runtime/gateway/access.h"
#include "runtime/gateway/assets.h"
#include "runtime/gateway/openai_form.h"
#include "runtime/gateway/reload.h"
#include "runtime/gateway/report_door.h"
#include "runtime/gateway/turn.h"
#include "runtime/provider/local.h"

namespace plumb::gateway {
namespace {

asio::awaitable<void> Healthz(Service&, net::Request&, net::ResponseWriter& out) {
  co_await out.Send(200, "text/plain", "ok\n");
}

// Ready: the door is open and the first model can be asked. A local model that is still loading is not ready.
asio::awaitable<void> Readyz(Service& service, net::Request&, net::ResponseWriter& out) {
  std::string why = service.draining ? "draining" : "";
  for (const auto& [name, provider] : service.force->providers) {
    auto* local = dynamic_cast<provider::LocalProvider*>(provider.get());
    if (local && local->process().state() != provider::LmState::kReady) {
      why = name + ": " + std::string(provider::LmStateName(local->process().state()));
    }
  }
  std::string text = (why.empty() ? "ready" : why) + "\n";
  // What is in force goes on; that the files say something else now is for somebody to see.
  if (!service.reloads.error.empty()) text += "the last reload was refused: " + service.reloads.error + "\n";
  co_await out.Send(why.empty() ? 200 : 503, "text/plain", text);
}

asio::awaitable<void> MetricsPage(Service& service, net::Request& request, net::ResponseWriter& out) {
  if (Status allowed = AuthoriseMetrics(service, request); !allowed) {
    const json::value body = OpenAiError(allowed.error());
    co_await out.SendJson(AccessStatus(allowed.error()), body);
    co_return;
  }
  if (!service.options.metrics) {
    co_await out.Send(404, "text/plain", "telemetry.metrics is off\n");
    co_return;
  }
  for (const auto& [name, provider] : service.force->providers) {
    auto* local = dynamic_cast<provider::LocalProvider*>(provider.get());
    if (local) service.metrics.SetLm("generator", local->process().state() == provider::LmState::kReady, local->process().starts());
  }
  if (service.force->encoder) {
    provider::LmProcess& process = service.force->encoder->process();
    service.metrics.SetLm("encoder", process.state() == provider::LmState::kReady, process.starts());
  }
  if (service.force->aligned) {
    provider::LmProcess& process = service.force->aligned->process();
    service.metrics.SetLm("aligned", process.state() == provider::LmState::kReady, process.starts());
  }
  service.metrics.SetInForce(*service.force, service.options.version);
  service.metrics.SetGuardHealth(service.guard_health.Staleness(*service.force, service.options.clock()), service.guard_health.Drift());
  service.metrics.SetBreakers(service.force->health);
  service.metrics.SetConnections(service.server->connections());
  if (service.otlp) service.metrics.SetOtlp(service.otlp->stats());
  const std::string text = service.metrics.Text();
  co_await out.Send(200, "text/plain; version=0.0.4; charset=utf-8", text);
}

// Surfaces whose questions go through the whole of the flow.
template <const Surface& (*kSurface)()>
asio::awaitable<void> Turned(Service& service, net::Request& request, net::ResponseWriter& out) {
  return Serve(service, kSurface(), request, out);
}

asio::awaitable<void> Static(Service&, net::Request& request, net::ResponseWriter& out) {
  const Asset* asset = FindAsset(request.path);
  if (!asset) {
    co_await out.Send(404, "text/plain", "not found\n");
    co_return;
  }
  // Built files carry their content's hash in their names; the page itself does not.
  const bool hashed = request.path.starts_with("/assets/");
  out.headers.Set("cache-control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
  out.headers.Set("content-security-policy", "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
                                             "frame-src 'self'; frame-ancestors 'self'; base-uri 'none'");
  out.headers.Set("x-content-type-options", "nosniff");
  out.headers.Set("referrer-policy", "no-referrer");
  co_await out.Send(200, MediaType(asset->path), asset->bytes);
}

// Every path that is served, first fit. A path that ends in '/' covers what is below it.
struct Endpoint {
  std::string_view method, path;
  asio::awaitable<void> (*handler)(Service&, net::Request&, net::ResponseWriter&);
};
constexpr Endpoint kTable[] = {
    {"POST", "/v1/chat/completions", Turned<ChatSurface>},
    {"POST", "/v1/completions", Turned<CompletionsSurface>},
    {"POST", "/v1/responses", Turned<ResponsesSurface>},
    {"POST", "/v1/messages", Turned<MessagesSurface>},
    {"POST", "/v1/messages/count_tokens", CountTokens},
    {"POST", "/v1/embeddings", Embeddings},
    {"POST", "/v1/moderations", Moderations},
    {"GET", "/v1/models", ListModels},
    {"GET", "/v1/models/", GetModel},
    {"GET", "/v1/exchanges/", GetExchange},
    {"GET", "/healthz", Healthz},
    {"GET", "/readyz", Readyz},
    {"GET", "/metrics", MetricsPage},
    {"", "/api/", ConsoleApi},
    {"", "/report", ReportDoor},
    {"", "/report/", ReportDoor},
    {"GET", "/", Static},
};

bool Fits(const Endpoint& row, const net::Request& request) {
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  if (!row.method.empty() && row.method != method) return false;
  if (row.path == "/") return !request.path.starts_with("/v1");
  return row.path.ends_with('/') ? request.path.starts_with(row.path) : request.path == row.path;
}

asio::awaitable<void> Dispatch(Service& service, net::Request& request, net::ResponseWriter& out) {
  const auto start = std::chrono::steady_clock::now();
  std::string_view route = "other";
  bool known = false;
  if (net::AnswersPreflight(service.options.cors, request, out)) {
    co_await out.Send(204, "", "");
    co_return;
  }
  for (const Endpoint& row : kTable) {
    known = known || row.path == request.path;
    if (!Fits(row, request)) continue;
    route = row.path;
    co_await row.handler(service, request, out);
    break;
  }
  if (route == "other") {
    Error missing{Code::kNotFound, fmt::format("there is no {} {}", ToUtf8(request.method), ToUtf8(request.path)), ""};
    if (known) missing.message = fmt::format("{} takes another method than {}", ToUtf8(request.path), ToUtf8(request.method));
    const json::value body = OpenAiError(missing);
    co_await out.SendJson(known ? 405 : 404, body);
  }
  service.metrics.CountRequest(std::string(route), out.status(), MillisSince(start) / 1000);
}

// Starts a model's process before the first request needs it, and again after it fell. `owner` is what the process
// belongs to: it is let go once nothing that is or was in force holds it.
asio::awaitable<void> KeepUp(std::shared_ptr<bool> alive, Service& service, std::weak_ptr<void> owner, provider::LmProcess* process) {
  std::string said;
  while (*alive && !service.draining && !owner.expired()) {
    if (process->state() == provider::LmState::kOff || process->state() == provider::LmState::kDown) {
      auto ready = co_await process->Ready();
      if (!*alive) co_return;
      if (!ready && ready.error().Text() != said && service.options.warn) {
        said = ready.error().Text();
        service.options.warn("local model: " + said);
      }
      if (ready) said.clear();
    }
    asio::steady_timer timer(service.executor, std::chrono::milliseconds(500));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

// What a rush leaves with the allocator goes back to the system once nothing more is recorded: idle connections that come
// then cost what they cost a fresh process.
asio::awaitable<void> GiveBackMemory(std::shared_ptr<bool> alive, Service& service) {
  uint64_t seen = 0, given_back = 0;
  while (*alive && !service.draining) {
    const uint64_t now = service.totals["exchanges"];
    if (now == seen && now != given_back) {
      ::malloc_trim(0);
      given_back = now;
    }
    seen = now;
    asio::steady_timer timer(service.executor, std::chrono::seconds(2));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

// What `force` brings that `before` did not have.
void KeepUpNew(const std::shared_ptr<bool>& alive, Service& service, const Force& before) {
  const InForce& force = *service.force;
  for (const auto& [name, provider] : force.providers) {
    auto* local = dynamic_cast<provider::LocalProvider*>(provider.get());
    if (!local) continue;
    const auto known = before ? before->providers.find(name) : force.providers.end();
    if (before && known != before->providers.end() && known->second == provider) continue;
    asio::co_spawn(service.executor, KeepUp(alive, service, provider, &local->process()), asio::detached);
  }
  if (force.encoder && (!before || before->encoder != force.encoder)) {
    asio::co_spawn(service.executor, KeepUp(alive, service, force.encoder, &force.encoder->process()), asio::detached);
  }
  if (force.aligned && (!before || before->aligned != force.aligned)) {
    asio::co_spawn(service.executor, KeepUp(alive, service, force.aligned, &force.aligned->process()), asio::detached);
  }
}

// The collector's headers hold a key: they come from the environment, like every secret.
Result<std::unique_ptr<net::OtlpExporter>> OpenTelemetry(const FixedOptions& options) {
  const TelemetryOptions& telemetry = options.telemetry;
  if (telemetry.endpoint.empty()) return nullptr;
  net::OtlpOptions otlp;
  otlp.endpoint = telemetry.endpoint;
  otlp.ca_file = telemetry.ca_file;
  otlp.interval = telemetry.interval;
  otlp.resource = {{"service.name", std::string("plumb")}, {"service.version", options.version}};
  otlp.scope_version = options.version;
  otlp.clock = options.clock;
  if (!telemetry.headers_env.empty()) {
    const char* set = options.environment ? nullptr : std::getenv(telemetry.headers_env.c_str());
    const std::string text = options.environment ? options.environment(telemetry.headers_env) : set ? set : "";
    if (text.empty()) return Fail(Code::kPermission, "telemetry.otlp.headers_env: the variable {} is not set", telemetry.headers_env);
    auto headers = net::ParseOtlpHeaders(text);
    if (!headers) return std::unexpected(Context(headers.error(), telemetry.headers_env));
    otlp.headers = std::move(*headers);
  }
  return net::OtlpExporter::Start(std::move(otlp));
}

net::ServerOptions ListenOptions(const FixedOptions& options) {
  net::ServerOptions listen = options.server;
  if (!listen.warn) listen.warn = options.warn;
  return listen;
}

// The file of budgets, where a key or a team has one.
Status OpenLimits(Service& service) {
  if (service.limits || !service.force->keys.limited()) return {};
  const FixedOptions& options = service.options;
  const fs::path file = options.limits.empty() ? options.ledger.parent_path() / "limits.db" : options.limits;
  PLUMB_TRY(service.limits, Limits::Open(file, options.clock));
  return {};
}

void Warn(const Service& service) {
  if (!service.options.warn) return;
  for (const std::string& line : service.force->guard().Warnings()) service.options.warn(line);
}

}  // namespace

struct Gateway::Life {
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Gateway::Gateway(std::unique_ptr<Service> service) : service_(std::move(service)), life_(std::make_unique<Life>()) {}

Gateway::~Gateway() { *life_->alive = false; }

Result<std::unique_ptr<Gateway>> Gateway::Start(asio::any_io_executor executor, GatewayOptions options) {
  auto service = std::make_unique<Service>(executor, static_cast<const FixedOptions&>(options));
  Service& s = *service;
  PLUMB_TRY(s.force, MakeForce(executor, s.options, static_cast<ForceOptions&&>(options)));
  Warn(s);
  PLUMB_TRY(s.otlp, OpenTelemetry(s.options));
  net::Handler handler = [&s](net::Request& request, net::ResponseWriter& out) { return Dispatch(s, request, out); };
  PLUMB_TRY(s.server, net::Server::Listen(executor, s.options.listen, std::move(handler), ListenOptions(s.options)));
  // Last, so that a start that fails leaves no ledger behind; nothing is answered before this returns.
  PLUMB_TRY(s.ledger, ledger::Ledger::Open(s.options.ledger, {.clock = s.options.clock, .lock_limit = s.options.ledger_lock_limit}));
  PLUMB_CHECK(OpenLimits(s));
  auto gateway = std::unique_ptr<Gateway>(new Gateway(std::move(service)));
  KeepUpNew(gateway->life_->alive, s, nullptr);
  asio::co_spawn(executor, GiveBackMemory(gateway->life_->alive, s), asio::detached);
  ::malloc_trim(0);  // reading policies and making guards takes far more than what is left of it
  return gateway;
}

asio::awaitable<Status> Gateway::Reload(std::string by, ForceLoader load) {
  const Force before = service_->force;
  Status done = co_await gateway::Reload(*service_, std::move(by), std::move(load));
  if (service_->force != before) {
    KeepUpNew(life_->alive, *service_, before);
    if (done) done = OpenLimits(*service_);
    Warn(*service_);
    ::malloc_trim(0);
  }
  co_return done;
}

std::string Gateway::url() const { return service_->server->url(); }

asio::awaitable<void> Gateway::Drain(std::chrono::milliseconds grace) {
  service_->draining = true;
  co_await service_->server->Drain(grace);
  if (service_->otlp) {
    net::OtlpExporter* otlp = service_->otlp.get();
    auto close = [otlp] { return otlp->Close(std::chrono::seconds(2)), true; };
    co_await On(service_->ledger_threads, std::move(close));
  }
}

}  // namespace plumb::gateway
