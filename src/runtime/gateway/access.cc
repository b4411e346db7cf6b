#include "runtime/gateway/access.h"

#include <algorithm>

#include "runtime/gateway/openai_form.h"

namespace plumb::gateway {
namespace {

struct Rule {
  std::string_view method, path;  // empty method: any; a path ends with '/' to cover what is below it
  Right right;
};
constexpr Rule kRules[] = {
    {"", "/v1/", Right::kAsk},
    {"GET", "/metrics", Right::kMeasure},
    {"GET", "/api/", Right::kRead},
    {"HEAD", "/api/", Right::kRead},
    {"POST", "/api/try", Right::kRead},
    {"POST", "/api/held/", Right::kReview},
    {"", "/", Right::kOperate},
};

constexpr std::string_view kHowTo = "send your key as 'Authorization: Bearer plumb-…' or 'x-api-key: plumb-…'";

// What the caller sends as a key; empty where nothing.
std::string_view SecretOf(const net::Request& request) {
  std::string_view sent = request.headers.Get("authorization");
  if (sent.size() > 7 && net::SameName(sent.substr(0, 7), "bearer ")) return Trim(sent.substr(7));
  return Trim(request.headers.Get("x-api-key"));
}

// A caller that is known and may not. `where` names the key, which is how AccessStatus tells 403 from 401.
template <class... Args>
std::unexpected<Error> Forbid(const Key& key, fmt::format_string<Args...> format, Args&&... args) {
  return FailAt("key:" + key.name, Code::kPermission, format, std::forward<Args>(args)...);
}

// "127.0.0.1:8080" → "127.0.0.1"
std::string_view HostOnly(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool NamesLoopback(std::string_view host) {
  const std::string_view name = HostOnly(host);
  return name == "localhost" || name == "127.0.0.1" || name == "[::1]";
}

// From this machine, to a listener that only this machine reaches.
bool Local(const Service& service, const net::Request& request) {
  return request.loopback && service.options.listen.loopback();
}

Result<Caller> Known(const Service& service, const net::Request& request, std::string_view secret) {
  PLUMB_TRY(const Key* key, service.force->keys.Find(secret, service.options.clock()));
  const Right right = RightFor(request);
  // Exchanges are for those who made them, and for those who may read everybody's.
  const bool own = request.path.starts_with("/v1/exchanges/") && May(key->role, Right::kRead);
  if (!May(key->role, right) && !own) {
    return Forbid(*key, "the key '{}' is of the role {}, which may not do this", key->name, key->role);
  }
  const bool route = key->routes.empty() || std::ranges::any_of(key->routes, [&](const std::string& pattern) {
                       return Covers(pattern, request.path);
                     });
  if (!route) return Forbid(*key, "the key '{}' may not call {}", key->name, ToUtf8(request.path));
  return Caller{key->name, key->role, key};
}

}  // namespace

Right RightFor(const net::Request& request) {
  for (const Rule& rule : kRules) {
    if (!rule.method.empty() && rule.method != request.method) continue;
    if (rule.path.ends_with('/') ? request.path.starts_with(rule.path) : request.path == rule.path) return rule.right;
  }
  return Right::kOperate;
}

Result<Caller> Authorise(const Service& service, const net::Request& request) {
  const std::string_view secret = SecretOf(request);
  const KeyRing& keys = service.force->keys;
  if (!secret.empty() && !keys.empty()) return Known(service, request, secret);
  if (keys.empty() && Local(service, request)) return Caller{"local", "application", nullptr};
  return Fail(Code::kPermission, "{}", kHowTo);
}

Status AuthoriseConsole(const Service& service, const net::Request& request, int& status) {
  // A page from elsewhere must not drive the console with the visitor's own access.
  const std::string_view origin = request.headers.Get("origin");
  const std::string_view host = request.headers.Get("host");
  const size_t scheme = origin.find("://");
  if (!origin.empty() && (scheme == std::string_view::npos || origin.substr(scheme + 3) != host)) {
    status = 403;
    return Fail(Code::kPermission, "requests from the page {} are not accepted", ToUtf8(origin));
  }
  if (!SecretOf(request).empty()) {
    auto caller = Authorise(service, request);
    if (caller) return {};
    status = AccessStatus(caller.error());
    return std::unexpected(caller.error());
  }
  // The Host check keeps a foreign name that resolves to 127.0.0.1 out.
  if (Local(service, request) && (request.peer == "unix" || NamesLoopback(host))) return {};
  status = 401;
  return Fail(Code::kPermission, "{}", kHowTo);
}

Status AuthoriseMetrics(const Service& service, const net::Request& request) {
  if (service.force->keys.empty() || (SecretOf(request).empty() && Local(service, request))) return {};
  auto caller = Authorise(service, request);
  if (!caller) return std::unexpected(caller.error());
  return {};
}

Status MayAsk(const Caller& caller, std::string_view model) {
  if (!caller.key || caller.key->models.empty()) return {};
  const bool may = std::ranges::any_of(caller.key->models, [&](const std::string& pattern) { return Covers(pattern, model); });
  if (may) return {};
  return Fail(Code::kNotFound, "the key '{}' may not ask for the model '{}' (it may: {})", caller.name, model,
              Join(caller.key->models, ", "));
}

std::vector<Account> AccountsOf(const InForce& force, const Caller& caller) {
  std::vector<Account> accounts;
  if (!caller.key) return accounts;
  if (!caller.key->limits.empty()) accounts.push_back({"key:" + caller.name, caller.key->limits});
  const Team* team = force.keys.TeamOf(*caller.key);
  if (team && !team->limits.empty()) accounts.push_back({"team:" + team->name, team->limits});
  return accounts;
}

int AccessStatus(const Error& error) {
  if (error.code == Code::kPermission && error.where.starts_with("key:")) return 403;
  return HttpStatus(error.code);
}

asio::awaitable<void> SendError(net::ResponseWriter& out, const Error& error) {
  const json::value body = OpenAiError(error);
  co_await out.SendJson(AccessStatus(error), body);
}

}  // namespace plumb::gateway
