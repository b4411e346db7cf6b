#include "runtime/provider/route.h"

#include "runtime/provider/failover.h"

namespace plumb::provider {
namespace {

// The first target that is silent must leave time for the second: Failover waits 100 s in all.
constexpr std::chrono::seconds kFirstByteOfMany{60};

Result<ProviderConfig> Find(const std::string& name, const OpenOptions& options) {
  for (const auto* list : {&options.providers, &BuiltinProviders()}) {
    for (const ProviderConfig& config : *list) {
      if (config.name == name) return config;
    }
  }
  return Fail(Code::kNotFound, "no provider '{}'", name);
}

void Limit(const std::optional<Millis>& wanted, Millis& limit) {
  if (wanted) limit = *wanted;
}

// The provider of a target, its own retries off: Failover has the one retry loop. Targets with the same limits share it.
Result<std::shared_ptr<Provider>> ProviderOf(const TargetConfig& target, bool many, const OpenOptions& options, Opened& opened) {
  const size_t colon = target.target.find(':');
  const std::string kind = target.target.substr(0, colon);
  if (kind == "local" || kind == "gateway" || kind == "replay") {
    auto& known = opened.providers[target.target];
    if (!known) {
      PLUMB_TRY(Target made, OpenTarget(target.target, options));
      known = made.provider;
    }
    return known;
  }
  PLUMB_TRY(ProviderConfig config, Find(kind, options));
  config.retry.max_attempts = 1;
  const bool usual = config.timeouts.first_byte == ProviderConfig().timeouts.first_byte;
  if (many && usual) config.timeouts.first_byte = kFirstByteOfMany;
  Limit(target.connect, config.timeouts.connect);
  Limit(target.first_byte, config.timeouts.first_byte);
  Limit(target.first_token, config.first_token);
  Limit(target.idle, config.timeouts.idle);
  Limit(target.overall, config.timeouts.overall);
  const std::string key = fmt::format("{} once {} {} {} {} {}", kind, config.timeouts.connect.count(),
                                      config.timeouts.first_byte.count(), config.first_token.count(),
                                      config.timeouts.idle.count(), config.timeouts.overall.count());
  auto& known = opened.providers[key];
  if (!known) {
    PLUMB_TRY(known, OpenProvider(config, options));
  }
  return known;
}

}  // namespace

Result<std::shared_ptr<Provider>> OpenRoute(const RouteConfig& config, const OpenOptions& options, const std::string& salt,
                                            Opened& opened) {
  FailoverOptions failover;
  failover.name = config.name;
  for (const TargetConfig& target : config.targets) {
    FailoverTarget made;
    made.name = target.target;
    made.model = target.target.substr(target.target.find(':') + 1);
    PLUMB_TRY(made.provider, ProviderOf(target, config.targets.size() > 1, options, opened));
    made.weight = target.weight;
    made.context_tokens = target.context_tokens;
    made.first_token = target.first_token.value_or(Millis(0));
    auto& health = opened.health[target.target];
    if (!health) health = std::make_shared<TargetHealth>();
    made.health = health;
    failover.targets.push_back(std::move(made));
  }
  std::shared_ptr<Provider> provider = std::make_shared<Failover>(options.executor, std::move(failover));
  if (config.cache) provider = std::make_shared<CachedProvider>(std::move(provider), *config.cache, salt, std::chrono::steady_clock::now);
  return provider;
}

}  // namespace plumb::provider
