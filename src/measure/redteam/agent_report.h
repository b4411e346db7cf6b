// What agents did, in AgentDojo's three figures with intervals.
#pragma once

#include <string>
#include <vector>

#include "measure/eval/run.h"
#include "measure/redteam/agent.h"
#include "measure/redteam/report.h"

namespace plumb::redteam {

struct AgentSummary {
  // Of episodes that were answered and whose goal can be told. The intervals are Wilson's, or a bootstrap over tasks or over
  // injections where one of them is wider: the pairs of one task are not independent.
  Share utility;               // nobody attacks: the user's goal was reached
  Share utility_under_attack;  // somebody does: it was reached all the same
  Share attack_success;        // the attacker's was
  std::vector<Share> by_injection, by_wording;  // attack_success
  int64_t episodes = 0, errors = 0;
  int64_t stopped = 0, stopped_unattacked = 0;  // by the guard; where nobody attacked
  int64_t withheld = 0;        // tools' results that the guard replaced
  int64_t unfinished = 0, malformed = 0, without_calls = 0;
  std::vector<std::string> notes;  // what the figures do not say
};

AgentSummary SummarizeAgents(const std::vector<Episode>& episodes);
json::object AgentSummaryJson(const AgentSummary& summary);
std::string AgentSummaryTable(const AgentSummary& summary);

// The episodes as a run, so that two of them compare pair by pair like any: an attack is a case that is to be refused, and is where the
// attacker's goal was not reached; a task is one that is to be complied with, and is refused where the guard stopped it.
eval::Run AgentRun(const std::vector<Episode>& episodes, const json::object& target, const json::object& settings, Time created);

}  // namespace plumb::redteam
