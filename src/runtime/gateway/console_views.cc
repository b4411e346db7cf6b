#include "runtime/gateway/console_views.h"

#include "runtime/guard/cascade.h"
#include "runtime/provider/local.h"

namespace plumb::gateway {
namespace {

json::object LmRow(const provider::LmProcess* process, const std::string& model) {
  json::object row;
  row["status"] = process ? provider::LmStateName(process->state()) : "off";
  row["model"] = process ? model : "";
  row["detail"] = process ? process->detail() : "";
  return row;
}

const provider::LocalProvider* Generator(const Service& service) {
  for (const ModelRoute& route : service.force->models) {
    if (!route.target.starts_with("local:")) continue;
    const auto found = service.force->providers.find(route.target);
    if (found != service.force->providers.end()) return dynamic_cast<const provider::LocalProvider*>(found->second.get());
  }
  return nullptr;
}

json::object GuardRow(const Service& service) {
  const guard::Guard& guard = service.force->guard();
  json::array tiers;
  const auto tier = [&](const char* name, std::string_view status, const std::string& detail) {
    tiers.push_back(json::object{{"name", name}, {"status", status}, {"detail", detail}});
  };
  tier("patterns", guard.parts().patterns ? "ready" : "off", guard.parts().patterns ? "" : "the policy names no detector");
  tier("linear", guard.parts().linear ? "ready" : "off", guard.parts().linear ? "" : "not trained");
  if (service.force->encoder) {
    provider::LmProcess& process = service.force->encoder->process();
    tier("encoder", provider::LmStateName(process.state()), process.detail());
  } else {
    tier("encoder", "off", guard.record().encoder ? "left out" : "not trained");
  }
  json::object row;
  row["status"] = "ready";
  row["detail"] = Join(guard.Warnings(), "; ");
  row["id"] = service.force->guard_id;
  row["tiers"] = std::move(tiers);
  return row;
}

json::object OnRow(const policy::On& on) {
  json::object row;
  for (guard::Direction direction : guard::kDirections) {
    const std::string_view name = guard::DirectionName(direction);
    row[name] = policy::ActionName(on.For(name));
  }
  return row;
}

}  // namespace

AlignRuns RunsOf(const Service& service) { return {service.options.project / "align", service.options.clock}; }

json::object StatusView(const Service& service) {
  const FixedOptions& options = service.options;
  const InForce& force = *service.force;
  json::object out;
  out["version"] = options.version;
  out["started"] = FormatTime(service.started);
  out["uptime_s"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - service.began).count();
  out["url"] = service.server->url();
  std::error_code ignored;
  out["project"] = fs::canonical(options.project, ignored).filename().string();
  out["policy"] = {{"id", force.policy.id}, {"version", force.policy.version}, {"hash", force.policy.hash}};
  out["guard"] = GuardRow(service);
  const ReloadState& reloads = service.reloads;
  out["reload"] = {{"done", reloads.done},
                   {"refused", reloads.refused},
                   {"error", reloads.error.empty() ? json::value() : json::value(reloads.error)},
                   {"tried", reloads.last ? json::value(FormatTime(*reloads.last)) : json::value()},
                   {"in_force_since", FormatTime(force.since)},
                   {"still_held", std::ranges::count_if(reloads.before, [](const auto& old) { return !old.expired(); })}};
  const provider::LocalProvider* generator = Generator(service);
  json::object lm;
  lm["generator"] = LmRow(generator ? &const_cast<provider::LocalProvider*>(generator)->process() : nullptr,
                          generator ? generator->model() : "");
  lm["encoder"] = LmRow(service.force->encoder ? &service.force->encoder->process() : nullptr, service.force->encoder ? service.force->encoder->model() : "");
  out["lm"] = std::move(lm);
  json::array models;
  for (const ModelRoute& route : force.models) {
    json::object row;
    row["id"] = route.name;
    row["target"] = route.target;
    row["provider"] = route.target.substr(0, route.target.find(':'));
    row["default"] = models.empty();
    row["policy_prompt"] = route.policy_prompt;
    models.push_back(std::move(row));
  }
  out["models"] = std::move(models);
  json::array routes;
  for (const policy::Route& route : force.policy.routes) {
    routes.push_back(json::object{{"match", json::value_from(route.match)}, {"mode", route.mode}, {"stakes", route.stakes},
                                  {"log", route.log}, {"on_error", route.on_error}});
  }
  out["routes"] = std::move(routes);
  json::object totals;
  for (const char* name : {"exchanges", "allow", "flag", "redact", "rewrite", "redirect", "refuse", "block", "quarantine",
                           "hold", "errors", "observed"}) {
    const auto found = service.totals.find(name);
    totals[name] = found == service.totals.end() ? 0 : found->second;
  }
  out["totals"] = std::move(totals);
  auto head = service.ledger->Head();
  out["ledger"] = {{"path", options.ledger.filename().string()}, {"size", head ? head->size : 0}};
  out["auth"] = {{"required", !force.keys.empty()}, {"keys", force.keys.size()}};
  const std::string running = RunsOf(service).Newest(true);
  out["align"] = {{"running", running.empty() ? json::value() : json::value(running)}};
  return out;
}

json::object PolicyView(const Service& service) {
  const policy::Policy& policy = service.force->policy;
  const auto& counts = service.force->examples;
  json::object out;
  out["id"] = policy.id;
  out["version"] = policy.version;
  out["hash"] = policy.hash;
  out["owner"] = policy.owner;
  out["purpose"] = policy.purpose;
  json::array principles;
  for (const policy::Principle& principle : policy.principles) {
    principles.push_back(json::object{{"id", principle.id}, {"text", principle.text}});
  }
  out["principles"] = std::move(principles);
  out["scope"] = {{"in", json::value_from(policy.scope.in)}, {"out", json::value_from(policy.scope.out)},
                  {"action", policy::ActionName(policy.scope.action)}, {"say", json::value_from(policy.scope.say)}};
  out["tone"] = {{"be", policy.tone.be}, {"avoid", policy.tone.avoid}};
  json::array clauses;
  for (const policy::Category& category : policy.categories) {
    json::object row;
    row["id"] = category.id;
    row["about"] = category.about;
    row["severity"] = policy::SeverityName(category.severity);
    row["risk"] = json::value_from(category.risk);
    row["owner"] = category.owner;
    row["target"] = {{"catch", category.target.catch_rate}, {"confidence", category.target.confidence}};
    row["on"] = OnRow(category.on);
    json::array detect;
    for (const policy::Detector& detector : category.detect) detect.emplace_back(detector.name);
    row["detect"] = std::move(detect);
    row["say"] = json::value_from(category.say);
    row["maps"] = json::value_from(category.maps);
    const auto counted = counts.find(category.id);
    const auto [violates, allows] = counted == counts.end() ? std::pair<int64_t, int64_t>() : counted->second;
    row["examples"] = {{"violates", violates}, {"allows", allows}};
    clauses.push_back(std::move(row));
  }
  out["clauses"] = std::move(clauses);
  out["model"] = {{"refuse", policy.model_targets.refuse}, {"over_refusal", policy.model_targets.over_refusal},
                  {"capability_drop", policy.model_targets.capability_drop}};
  out["false_alarm"] = policy.false_alarm;
  out["languages"] = json::value_from(policy.languages.supported);
  out["system_prompt"] = policy::RenderSystemPrompt(policy);
  out["public"] = policy::RenderPublic(policy);
  return out;
}

}  // namespace plumb::gateway
