#include "runtime/gateway/in_force.h"

#include "runtime/gateway/service.h"
#include "runtime/guard/record.h"
#include "runtime/guard/silence.h"
#include "runtime/provider/local.h"

namespace plumb::gateway {

namespace {

// Arms that name a model name one that is here.
Status CheckArms(const InForce& force) {
  for (const policy::Route& route : force.policy.routes)
    for (const policy::Arm& arm : route.split.arms)
      if (auto found = arm.model.empty() ? Result<Answerer>(Answerer()) : FindAnswerer(force, arm.model); !found)
        return std::unexpected(Context(found.error(), fmt::format("the arm '{}' of the policy's split", arm.name)));
  return {};
}

// So do models whose doubtful requests another answers; that one answers them itself.
Status CheckDoubts(const InForce& force) {
  for (const ModelRoute& route : force.models) {
    if (route.in_doubt.empty()) continue;
    auto found = FindAnswerer(force, route.in_doubt);
    if (!found) return std::unexpected(Context(found.error(), fmt::format("model '{}', in_doubt", route.name)));
    if (!found->route->in_doubt.empty()) {
      return FailAt(fmt::format("model '{}', in_doubt", route.name), Code::kInvalid, "'{}' hands on what is in doubt itself", route.in_doubt);
    }
  }
  return {};
}

}  // namespace

json::object InForce::Identity() const {
  return {{"policy", {{"id", policy.id}, {"version", policy.version}, {"hash", policy.hash}}},
          {"guard", guard_id},
          {"config", config_sha256.empty() ? json::value() : json::value(config_sha256)},
          {"beside", stances.Identity()}};
}

Status ForceBuilder::ReadGuard(const ForceOptions& options) {
  if (options.guard.empty()) {
    made_->guard_id = "patterns";
    return {};
  }
  PLUMB_TRY(record_, guard::LoadRecord(options.guard));
  PLUMB_TRY(made_->guard_id, Sha256File((options.guard / "guard.json").string()));
  return {};
}

Status ForceBuilder::OpenModels(const ForceOptions& options) {
  if (!record_ || !options.use_encoder) return {};
  // guard.json names its models by hash: the same guard has the same ones, and their processes may stay up.
  if (before_ && before_->guard_id == made_->guard_id) made_->encoder = before_->encoder, made_->aligned = before_->aligned;
  provider::LmOptions lm = fixed_.lm;
  lm.patience = std::chrono::seconds(10);
  const guard::EncoderOptions models{.lm = std::move(lm), .executor = executor_};
  if (record_->encoder && !made_->encoder) {
    PLUMB_TRY(made_->encoder, guard::OpenEncoder(record_->encoder->base, options.guard / "encoder", models));
  }
  if (record_->aligned && !made_->aligned) {
    PLUMB_TRY(made_->aligned, guard::OpenAligned(*record_->aligned, options.guard / "aligned", models));
  }
  return {};
}

Status ForceBuilder::MakeGuards(const ForceOptions& options) {
  made_->shadow_encoders = std::make_shared<ShadowEncoders>(fixed_.lm, before_ ? before_->shadow_encoders : nullptr);
  if (!options.judge.target.empty()) {
    provider::OpenOptions open;  // on a thread of its own: guards wait for it
    open.providers = options.providers;
    open.environment = fixed_.environment;
    open.lm = fixed_.lm;
    auto judge = guard::OpenJudge(options.judge, open);
    if (!judge) return std::unexpected(Context(judge.error(), "judge"));
    made_->judge = std::move(*judge);
  }
  GuardSource source{options.guard, made_->guard_id, made_->encoder, made_->aligned, options.use_encoder, options.check_deadline, made_->shadow_encoders};
  source.judge = made_->judge;
  std::vector<std::string> modes;
  for (const policy::Route& route : options.policy.routes) modes.push_back(route.on_error);
  PLUMB_TRY(made_->guards, GuardsFor(options.policy, source, std::move(modes)));
  made_->prompts = Prompts(options.policy, options.policy.routes, made_->encoder);
  made_->scope = ScopeExamples(options.policy);
  PLUMB_TRY(made_->stances, Stances::Make(options.policy, source));
  made_->shadow_encoders->Settle();
  return {};
}

namespace {

// Whether a name stands for more than one provider asked directly.
bool Composed(const ModelRoute& route) { return !route.targets.empty() || route.cache; }

}  // namespace

Status ForceBuilder::OpenRoutes(const ForceOptions& options, const provider::OpenOptions& open) {
  provider::Opened opened;
  if (before_) opened.health = before_->health;
  const auto keep = [&opened](const auto& providers) {
    for (const auto& [key, provider] : providers) {
      if (key.starts_with("local:")) opened.providers.emplace(key, provider);
    }
  };
  keep(made_->providers);
  if (before_) keep(before_->providers);
  for (const ModelRoute& route : options.models) {
    if (!Composed(route)) continue;
    provider::RouteConfig config{route.name, route.targets, route.cache};
    if (config.targets.empty()) config.targets.push_back({.target = route.target});
    auto made = provider::OpenRoute(config, open, options.policy.hash + made_->guard_id, opened);
    if (!made) return std::unexpected(Context(made.error(), fmt::format("model '{}'", route.name)));
    made_->routes[route.name] = std::move(*made);
    // Their local models are kept up and reported like any other.
    for (const provider::TargetConfig& target : config.targets) {
      if (target.target.starts_with("local:")) made_->providers[target.target] = opened.providers.at(target.target);
    }
  }
  made_->health = std::move(opened.health);
  return {};
}

Status ForceBuilder::OpenProviders(const ForceOptions& options) {
  provider::OpenOptions open;
  open.executor = executor_;
  open.providers = options.providers;
  open.environment = fixed_.environment;
  open.lm = fixed_.lm;
  for (const ModelRoute& route : options.models) {
    if (Composed(route)) continue;
    const std::string kind = route.target.substr(0, route.target.find(':'));
    const std::string key = kind == "local" ? route.target : kind;
    if (made_->providers.contains(key)) continue;
    // A local model that is loaded stays loaded.
    if (kind == "local" && before_ && before_->providers.contains(key)) {
      made_->providers[key] = before_->providers.at(key);
      continue;
    }
    auto target = provider::OpenTarget(route.target, open);
    if (!target) return std::unexpected(Context(target.error(), fmt::format("model '{}'", route.name)));
    made_->providers[key] = target->provider;
  }
  return OpenRoutes(options, open);
}

Result<Force> ForceBuilder::Finish(ForceOptions options) {
  if (options.models.empty()) return Fail(Code::kInvalid, "no model is configured; add one under `models`");
  if (options.keys.empty() && !fixed_.listen.loopback()) {
    return Fail(Code::kPermission, "listening on {} needs at least one key: anybody could call otherwise", fixed_.listen.Text());
  }
  PLUMB_CHECK(OpenProviders(options));
  made_->policy = std::move(options.policy);
  for (const policy::Example& example : policy::Examples(made_->policy)) {
    ++(example.violates ? made_->examples[example.clause].first : made_->examples[example.clause].second);
  }
  made_->policy.resolved.erase("examples");  // who needed them has read them
  made_->passes = std::ranges::any_of(made_->policy.routes, [](const policy::Route& route) { return route.mode == "pass"; });
  made_->models = std::move(options.models);
  PLUMB_CHECK(CheckArms(*made_));
  PLUMB_CHECK(CheckDoubts(*made_));
  made_->prices = provider::PriceList(std::move(options.prices));
  made_->keys = KeyRing(std::move(options.keys), std::move(options.teams));
  made_->config_sha256 = std::move(options.config_sha256);
  made_->since = fixed_.clock();
  return made_;
}

Result<Force> MakeForce(asio::any_io_executor executor, const FixedOptions& fixed, ForceOptions options) {
  ForceBuilder builder(std::move(executor), fixed, nullptr);
  PLUMB_CHECK(builder.ReadGuard(options));
  PLUMB_CHECK(builder.OpenModels(options));
  PLUMB_CHECK(builder.MakeGuards(options));
  return builder.Finish(std::move(options));
}

}  // namespace plumb::gateway
