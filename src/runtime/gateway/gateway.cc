#include "runtime/gateway/gateway.h"

#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "runtime/gateway/assets.h"
#include "runtime/gateway/openai_form.h"
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
  for (const auto& [name, provider] : service.providers) {
    auto* local = dynamic_cast<provider::LocalProvider*>(provider.get());
    if (local && local->process().state() != provider::LmState::kReady) {
      why = name + ": " + std::string(provider::LmStateName(local->process().state()));
    }
  }
  const std::string text = (why.empty() ? "ready" : why) + "\n";
  co_await out.Send(why.empty() ? 200 : 503, "text/plain", text);
}

asio::awaitable<void> MetricsPage(Service& service, net::Request&, net::ResponseWriter& out) {
  if (!service.options.metrics) {
    co_await out.Send(404, "text/plain", "telemetry.metrics is off\n");
    co_return;
  }
  for (const auto& [name, provider] : service.providers) {
    auto* local = dynamic_cast<provider::LocalProvider*>(provider.get());
    if (local) service.metrics.SetLm("generator", local->process().state() == provider::LmState::kReady, local->process().starts());
  }
  if (service.encoder) {
    provider::LmProcess& process = service.encoder->process();
    service.metrics.SetLm("encoder", process.state() == provider::LmState::kReady, process.starts());
  }
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
struct Row {
  std::string_view method, path;
  asio::awaitable<void> (*handler)(Service&, net::Request&, net::ResponseWriter&);
};
constexpr Row kTable[] = {
    {"POST", "/v1/chat/completions", Turned<ChatSurface>},
    {"POST", "/v1/moderations", Moderations},
    {"GET", "/v1/models", ListModels},
    {"GET", "/v1/exchanges/", GetExchange},
    {"GET", "/healthz", Healthz},
    {"GET", "/readyz", Readyz},
    {"GET", "/metrics", MetricsPage},
    {"", "/api/", ConsoleApi},
    {"GET", "/", Static},
};

bool Fits(const Row& row, const net::Request& request) {
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  if (!row.method.empty() && row.method != method) return false;
  if (row.path == "/") return !request.path.starts_with("/v1");
  return row.path.ends_with('/') ? request.path.starts_with(row.path) : request.path == row.path;
}

asio::awaitable<void> Dispatch(Service& service, net::Request& request, net::ResponseWriter& out) {
  const auto start = std::chrono::steady_clock::now();
  std::string_view route = "other";
  bool known = false;
  for (const Row& row : kTable) {
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

Status OpenProviders(Service& service) {
  const GatewayOptions& options = service.options;
  provider::OpenOptions open;
  open.executor = service.executor;
  open.providers = options.providers;
  open.environment = options.environment;
  open.lm = options.lm;
  for (const ModelRoute& route : options.models) {
    const std::string kind = route.target.substr(0, route.target.find(':'));
    const std::string key = kind == "local" ? route.target : kind;
    if (service.providers.contains(key)) continue;
    auto target = provider::OpenTarget(route.target, open);
    if (!target) return std::unexpected(Context(target.error(), fmt::format("model '{}'", route.name)));
    service.providers[key] = target->provider;
  }
  return {};
}

guard::OnError OnErrorOf(std::string_view name) {
  if (name == "allow") return guard::OnError::kAllow;
  if (name == "fallback") return guard::OnError::kFallback;
  return guard::OnError::kBlock;
}

Status OpenGuards(Service& service) {
  const GatewayOptions& options = service.options;
  if (!options.guard.empty()) {
    PLUMB_TRY(const guard::GuardRecord record, guard::LoadRecord(options.guard));
    PLUMB_TRY(service.guard_id, Sha256File((options.guard / "guard.json").string()));
    if (record.encoder && options.use_encoder) {
      provider::LmOptions lm = options.lm;
      lm.patience = std::chrono::seconds(10);
      PLUMB_TRY(service.encoder, guard::OpenEncoder(record.encoder->base, options.guard / "encoder",
                                                    {.lm = std::move(lm), .executor = service.executor}));
    }
  } else {
    service.guard_id = "patterns";
  }
  std::vector<std::string> modes;
  for (const policy::Route& route : options.policy.routes) modes.push_back(route.on_error);
  if (modes.empty()) modes.emplace_back("block");
  for (const std::string& mode : modes) {
    if (service.guards.contains(mode)) continue;
    guard::GuardOptions guard_options;
    guard_options.classifier = service.encoder.get();
    guard_options.require_encoder = options.use_encoder;
    guard_options.on_error = OnErrorOf(mode);
    auto made = options.guard.empty() ? guard::Guard::PatternsOnly(options.policy, guard_options)
                                      : guard::Guard::Load(options.guard, options.policy, guard_options);
    if (!made) return std::unexpected(made.error());
    service.guards[mode] = std::make_unique<guard::Guard>(std::move(*made));
  }
  if (options.warn) {
    for (const std::string& line : service.guards.begin()->second->Warnings()) options.warn(line);
  }
  return {};
}

// Starts the model processes before the first request needs them, and again after they fell.
asio::awaitable<void> KeepUp(std::shared_ptr<bool> alive, Service& service, provider::LmProcess& process) {
  std::string said;
  while (*alive && !service.draining) {
    if (process.state() == provider::LmState::kOff || process.state() == provider::LmState::kDown) {
      auto ready = co_await process.Ready();
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

}  // namespace

struct Gateway::Life {
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Gateway::Gateway(std::unique_ptr<Service> service) : service_(std::move(service)), life_(std::make_unique<Life>()) {}

Gateway::~Gateway() { *life_->alive = false; }

Result<std::unique_ptr<Gateway>> Gateway::Start(asio::any_io_executor executor, GatewayOptions options) {
  if (options.models.empty()) return Fail(Code::kInvalid, "no model is configured; add one under `models`");
  if (options.keys.empty() && !options.listen.loopback()) {
    return Fail(Code::kPermission, "listening on {} needs at least one key: anybody could call otherwise", options.listen.Text());
  }
  auto service = std::make_unique<Service>(executor, std::move(options));
  Service& s = *service;
  s.system_prompt = policy::RenderSystemPrompt(s.options.policy);
  PLUMB_CHECK(OpenProviders(s));
  PLUMB_CHECK(OpenGuards(s));
  net::Handler handler = [&s](net::Request& request, net::ResponseWriter& out) { return Dispatch(s, request, out); };
  PLUMB_TRY(s.server, net::Server::Listen(executor, s.options.listen, std::move(handler)));
  // Last, so that a start that fails leaves no ledger behind; nothing is answered before this returns.
  PLUMB_TRY(s.ledger, ledger::Ledger::Open(s.options.ledger, {.clock = s.options.clock}));
  auto gateway = std::unique_ptr<Gateway>(new Gateway(std::move(service)));
  for (const auto& [name, provider] : s.providers) {
    if (auto* local = dynamic_cast<provider::LocalProvider*>(provider.get())) {
      asio::co_spawn(executor, KeepUp(gateway->life_->alive, s, local->process()), asio::detached);
    }
  }
  if (s.encoder) asio::co_spawn(executor, KeepUp(gateway->life_->alive, s, s.encoder->process()), asio::detached);
  return gateway;
}

std::string Gateway::url() const { return service_->server->url(); }

asio::awaitable<void> Gateway::Drain(std::chrono::milliseconds grace) {
  service_->draining = true;
  co_await service_->server->Drain(grace);
}

}  // namespace plumb::gateway
