// What changed between two policies, in words, and what must be measured again because of it.
#pragma once

#include "intent/policy/policy.h"

namespace plumb::policy {

struct Change {
  std::string clause;              // a clause id, or "policy" for what concerns all clauses
  std::string words;               // "requests are now refused (were flagged): stricter"
  std::vector<std::string> stale;  // of "cases", "thresholds", "pairs", "prompt", "cards"
};

struct PolicyDiff {
  std::vector<Change> changes;  // in the policy's order; empty where the two do the same
  // What is stale, and for which clauses: {"thresholds": {"violence"}}. "policy" stands for all of them.
  std::map<std::string, std::vector<std::string>> Stale() const;
};

PolicyDiff DiffPolicies(const Policy& before, const Policy& after);

}  // namespace plumb::policy
