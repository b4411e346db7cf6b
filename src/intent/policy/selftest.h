// `plumb policy test`: the policy held to its own examples and escalation rules.
#pragma once

#include <functional>
#include <set>

#include "intent/policy/policy.h"

namespace plumb::policy {

// For each text the clauses a guard acts on when it is a request. How `plumb policy test --guard` brings a guard in.
using GuardFunction = std::function<Result<std::vector<std::set<std::string>>>(const std::vector<std::string>& texts)>;

struct ClauseResult {
  std::string clause;
  int violating = 0, caught = 0;  // examples that violate; those something acted on for this clause
  int allowed = 0, alarms = 0;    // examples that do not; those something acted on for this clause
};

struct SelfTest {
  std::vector<ClauseResult> clauses;  // by patterns alone, or, with a guard, its test split
  std::vector<std::string> failures;  // sentences, empty where all is well
  bool with_guard = false;
};

// Without a guard: every regular expression is run over every example, and must not match one that is allowed; every
// escalation rule must be able to happen; every violation of a critical category that gets past must open something. With
// one: each category's catch rate and the false alarms are also held to the policy's targets, on the test split.
Result<SelfTest> TestPolicy(const Policy& policy, const GuardFunction& guard = nullptr);

// The rules that fire when `category` is violated in `direction`.
std::vector<const Escalation*> EscalationsFor(const Policy& policy, const Category& category, std::string_view direction);

}  // namespace plumb::policy
