// When a campaign is to be run again: declared in the project's plumb.yaml, told from what the ledger says was run.
//
//   weekly    every so many days
//   release   before every release: since the last gate that passed, one has to have been run
//   policy    when the policy changed: the last one was of another
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "evidence/ledger/ledger.h"

namespace plumb::redteam {

struct Schedule {
  std::string name;
  std::optional<std::chrono::seconds> every;
  bool before_release = false, on_policy_change = false;
  // What is run then; as the flags of `plumb redteam run`.
  std::string target, goals, attacks = "all";
  int64_t budget = 50;
  bool guarded = false;
};

struct Due {
  std::string name;
  bool due = false, for_release = false;  // for_release: due, but only where a release is at hand
  std::string why;                        // in words, due or not
  std::string last;                       // when the last one ended; empty: never
};

// What was run, as an entry of the ledger (kind "redteam").
json::object CampaignEntry(const std::string& schedule, const std::string& policy_hash, const json::object& summary, const json::object& target);

// In the order of the schedules. A null ledger knows of nothing. `policy_hash` is of the policy as it is now. Errors: the ledger's.
Result<std::vector<Due>> DueNow(const std::vector<Schedule>& schedules, ledger::Ledger* ledger, const std::string& policy_hash, Time now);

}  // namespace plumb::redteam
