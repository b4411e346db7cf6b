// The policy as it stands for one kind of request: plain, under overlays, as an arm of a split, or as a shadow. Private
// to this room.
//
//   Stance   a resolved policy with the guards and prompts made for it
//   Stances  every stance that a policy's overlays, splits and shadows can ask for, made before the first request does
//
// Overlays are taken by the headers x-plumb-region, -locale, -domain and -channel, as `plumb policy check --region …`
// takes them. All immutable.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "intent/policy/policy.h"
#include "runtime/gateway/prompt.h"
#include "runtime/gateway/scope.h"
#include "runtime/guard/aligned.h"
#include "runtime/guard/encoder.h"
#include "runtime/guard/guard.h"
#include "runtime/guard/llm_judge.h"

namespace plumb::gateway {

struct Stance {
  policy::Policy policy;
  std::map<std::string, std::unique_ptr<guard::Guard>> guards;  // by the on_error of the routes that use it
  std::string guard_id;                                         // SHA-256 of guard.json; "patterns" without one
  Prompts prompts;
  ScopeExamples scope;

  // Any of the guards, where a route's on_error does not matter.
  const guard::Guard& guard() const { return *guards.begin()->second; }
  // The guard for a route, by its on_error.
  const guard::Guard& guard(const policy::Route& route) const;
};

// The models of shadows' own guards: each is a process of its own, started when it is first asked.
struct ShadowModels {
  std::shared_ptr<guard::Encoder> encoder;  // null where the guard has none
  std::shared_ptr<guard::AlignedModel> aligned;
};
class ShadowEncoders {
 public:
  // `before` may be null; an encoder of the same guard is kept.
  ShadowEncoders(provider::LmOptions lm, std::shared_ptr<const ShadowEncoders> before) : lm_(std::move(lm)), before_(std::move(before)) {}
  // Those of the guard in `folder`, whose guard.json has the SHA-256 `id`. Errors: the guard's.
  Result<ShadowModels> Of(const fs::path& folder, const std::string& id);
  // What was before is let go.
  void Settle() { before_ = nullptr; }

 private:
  provider::LmOptions lm_;
  std::shared_ptr<const ShadowEncoders> before_;
  std::map<std::string, ShadowModels> open_;  // by the guard's id
};

// What makes guards for a policy.
struct GuardSource {
  fs::path folder;  // empty: patterns alone
  std::string id;
  std::shared_ptr<guard::Encoder> encoder;
  std::shared_ptr<guard::AlignedModel> aligned;
  bool require_encoder = true;
  std::chrono::milliseconds check_deadline{10'000};  // for one asking of the encoder
  std::shared_ptr<ShadowEncoders> shadows;           // null: shadows judge without theirs
  std::shared_ptr<guard::LlmJudge> judge;            // null: none; shadows have none
};

// The guards of `policy`, one for each of `modes` (on_error; "block" where there is none). Errors: the guard's.
Result<std::map<std::string, std::unique_ptr<guard::Guard>>> GuardsFor(const policy::Policy& policy, const GuardSource& source,
                                                                        std::vector<std::string> modes);

class Stances {
 public:
  // Reads every policy and guard that `plain` can ask for beside itself. Blocks. Errors: the policies' and guards'.
  static Result<Stances> Make(const policy::Policy& plain, const GuardSource& source);

  // The stance of `plain`'s file for a request from there; nullptr: the plain one.
  const Stance* Overlaid(const policy::Policy& plain, const policy::LoadOptions& where) const;
  // An arm's policy (as the arm names it); its own overlays apply. Never nullptr for an arm of a policy given to Make.
  const Stance* Arm(const std::string& policy, const policy::LoadOptions& where) const;
  const Stance* Shadow(const policy::Shadow& shadow, const policy::LoadOptions& where) const;
  // Every policy and guard by what it is for: part of what a reload's record names.
  json::object Identity() const;

 private:
  // By "" (overlays of the plain policy), "arm FILE" or "shadow FILE GUARD"; then by policy::FittingOverlays.
  std::map<std::string, std::map<std::string, std::unique_ptr<Stance>>> stances_;
  const Stance* Find(const std::string& purpose, const policy::LoadOptions& where) const;
  Status Add(const std::string& purpose, const fs::path& file, const GuardSource& source,
             const std::vector<policy::Route>& routes, bool plain_too);
};

}  // namespace plumb::gateway
