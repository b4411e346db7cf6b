#include "runtime/gateway/overlay.h"

#include <algorithm>

#include "runtime/guard/record.h"

namespace plumb::gateway {
namespace {

guard::OnError OnErrorOf(std::string_view name) {
  if (name == "allow") return guard::OnError::kAllow;
  if (name == "fallback") return guard::OnError::kFallback;
  return guard::OnError::kBlock;
}

std::vector<std::string> Modes(const std::vector<policy::Route>& routes) {
  std::vector<std::string> modes;
  for (const policy::Route& route : routes) modes.push_back(route.on_error);
  return modes;
}

// Nobody waits for a shadow but the process at its end: its encoder may take its time to start.
constexpr std::chrono::seconds kShadowPatience{30};

// A guard of its own stands beside a shadow's policy; without one the same models judge by the other policy.
Result<GuardSource> ShadowSource(const policy::Policy& plain, const policy::Shadow& shadow, const GuardSource& source) {
  const fs::path folder(plain.folder);
  const fs::path beside = (folder / shadow.policy).parent_path() / "guard";
  fs::path wanted = shadow.guard.empty() ? fs::path() : folder / shadow.guard;
  std::error_code none;
  if (wanted.empty() && fs::exists(beside / "guard.json", none)) wanted = beside;
  if (wanted.empty() || fs::equivalent(wanted, source.folder, none)) return source;
  PLUMB_TRY(std::string id, Sha256File((wanted / "guard.json").string()));
  GuardSource own{wanted, std::move(id), nullptr, nullptr, false, kShadowPatience, nullptr};
  if (source.shadows && source.require_encoder) {
    PLUMB_TRY(const ShadowModels models, source.shadows->Of(wanted, own.id));
    own.encoder = models.encoder;
    own.aligned = models.aligned;
    own.require_encoder = own.encoder != nullptr;
  }
  return own;
}

// A detector that fails in a shadow says nothing, rather than that it would have blocked.
std::vector<policy::Route> Watching() {
  policy::Route route;
  route.on_error = "fallback";
  return {route};
}

std::string ShadowPurpose(const policy::Shadow& shadow) { return fmt::format("shadow {} {}", shadow.policy, shadow.guard); }

}  // namespace

Result<ShadowModels> ShadowEncoders::Of(const fs::path& folder, const std::string& id) {
  if (const auto found = open_.find(id); found != open_.end()) return found->second;
  if (before_) {
    if (const auto kept = before_->open_.find(id); kept != before_->open_.end()) return open_[id] = kept->second;
  }
  PLUMB_TRY(const guard::GuardRecord record, guard::LoadRecord(folder));
  provider::LmOptions lm = lm_;
  lm.patience = kShadowPatience;
  const guard::EncoderOptions options{.lm = std::move(lm), .executor = {}};
  ShadowModels models;
  if (record.encoder) {
    PLUMB_TRY(models.encoder, guard::OpenEncoder(record.encoder->base, folder / "encoder", options));
  }
  if (record.aligned) {
    PLUMB_TRY(models.aligned, guard::OpenAligned(*record.aligned, folder / "aligned", options));
  }
  return open_[id] = models;
}

const guard::Guard& Stance::guard(const policy::Route& route) const {
  const auto found = guards.find(route.on_error);
  return *(found == guards.end() ? guards.begin() : found)->second;
}

Result<std::map<std::string, std::unique_ptr<guard::Guard>>> GuardsFor(const policy::Policy& policy, const GuardSource& source,
                                                                        std::vector<std::string> modes) {
  if (modes.empty()) modes.emplace_back("block");
  // A guard that is made asks nothing of the examples, which are most of what a policy weighs.
  policy::Policy lean = policy;
  lean.resolved.erase("examples");
  std::map<std::string, std::unique_ptr<guard::Guard>> out;
  for (const std::string& mode : modes) {
    if (out.contains(mode)) continue;
    guard::GuardOptions options;
    options.classifier = source.encoder.get();
    options.aligned = source.aligned.get();
    options.judge = source.judge.get();
    options.require_encoder = source.require_encoder;
    options.on_error = OnErrorOf(mode);
    options.check_deadline = source.check_deadline;
    PLUMB_TRY(guard::Guard guard, source.folder.empty() ? guard::Guard::PatternsOnly(lean, options)
                                                        : guard::Guard::Load(source.folder, lean, options));
    out[mode] = std::make_unique<guard::Guard>(std::move(guard));
  }
  return out;
}

Status Stances::Add(const std::string& purpose, const fs::path& file, const GuardSource& source, const std::vector<policy::Route>& routes,
                    bool plain_too) {
  if (stances_.contains(purpose)) return {};
  PLUMB_TRY(auto policies, policy::LoadOverlaid(file));
  for (auto& [key, policy] : policies) {
    if (key.empty() && !plain_too) continue;
    std::vector<policy::Route> routed = routes;
    if (purpose.empty()) routed = policy.routes;
    auto stance = std::make_unique<Stance>();
    PLUMB_TRY(stance->guards, GuardsFor(policy, source, Modes(routed)));
    stance->guard_id = source.id;
    stance->prompts = Prompts(policy, routed, source.encoder);
    stance->scope = ScopeExamples(policy);
    stance->policy = std::move(policy);
    stance->policy.resolved.erase("examples");
    stances_[purpose][key] = std::move(stance);
  }
  return {};
}

Result<Stances> Stances::Make(const policy::Policy& plain, const GuardSource& source) {
  Stances out;
  if (!plain.overlays.empty()) PLUMB_CHECK(out.Add("", plain.path, source, {}, false));
  const fs::path folder(plain.folder);
  std::vector<const policy::Policy*> asking = {&plain};
  for (const auto& [key, stance] : out.stances_[""]) asking.push_back(&stance->policy);
  for (const policy::Policy* policy : asking) {
    for (const policy::Route& route : policy->routes) {
      for (const policy::Arm& arm : route.split.arms)
        if (!arm.policy.empty()) PLUMB_CHECK(out.Add("arm " + arm.policy, folder / arm.policy, source, policy->routes, true));
      for (const policy::Shadow& shadow : route.shadow) {
        PLUMB_TRY(GuardSource own, ShadowSource(plain, shadow, source));
        own.judge = nullptr;
        PLUMB_CHECK(out.Add(ShadowPurpose(shadow), folder / shadow.policy, own, Watching(), true));
      }
    }
  }
  return out;
}

const Stance* Stances::Find(const std::string& purpose, const policy::LoadOptions& where) const {
  const auto found = stances_.find(purpose);
  if (found == stances_.end() || found->second.empty()) return nullptr;
  const auto& by_overlays = found->second;
  const auto stance = by_overlays.find(policy::FittingOverlays(by_overlays.begin()->second->policy, where));
  return stance == by_overlays.end() ? nullptr : stance->second.get();
}

const Stance* Stances::Overlaid(const policy::Policy& plain, const policy::LoadOptions& where) const {
  return plain.overlays.empty() ? nullptr : Find("", where);
}

const Stance* Stances::Arm(const std::string& policy, const policy::LoadOptions& where) const { return Find("arm " + policy, where); }

const Stance* Stances::Shadow(const policy::Shadow& shadow, const policy::LoadOptions& where) const {
  return Find(ShadowPurpose(shadow), where);
}

json::object Stances::Identity() const {
  json::object out;
  for (const auto& [purpose, by_overlays] : stances_)
    for (const auto& [key, stance] : by_overlays)
      out[fmt::format("{} [{}]", purpose.empty() ? "overlays" : purpose, key)] = {{"policy", stance->policy.hash}, {"guard", stance->guard_id}};
  return out;
}

}  // namespace plumb::gateway
