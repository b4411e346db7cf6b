// The questions a turn asks of a model before and after: which suites, how many cases, which rate of each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "loop/plan.h"
#include "loop/progress.h"

namespace plumb::loop {

// One suite and what is read off its runs.
struct Question {
  std::string id;      // of the measure: "unsafe_refused"
  std::string label;
  std::string suite;   // folder under the suites, or "ordinary" and "unusual": made of the policy's harmless test prompts
  bool refusal = true; // the rate is of refusals; else of passed cases
  bool higher_is_better = true;
  int64_t max_tokens = 48;
  size_t cases = 300;
};

// The questions of a turn of this size. Suites that are not there are left out; measures then say "not run".
std::vector<Question> Questions(const Plan& plan);

// Cases of a suite in an order that depends on their ids alone, twins together, cut to about `most`.
data::Suite Sample(data::Suite suite, size_t most);

// The policy's harmless prompts of the test split that belong to no clause, as a suite that expects answers: those that stand for
// everyday traffic (intent/policy/everyday.h), or the others.
data::Suite OrdinarySuite(const policy::Policy& policy, bool everyday);

using Runs = std::map<std::string, eval::Run>;  // by question id

struct Stage {
  std::string name;      // "before", "after", "guarded"
  std::string system;    // system prompt; empty: none
  std::string system_name = "none";
  bool guarded = false;
};

// Asks every question; runs land in OUT/runs/STAGE/ID. Finished runs of an interrupted turn are kept.
Result<Runs> Ask(const std::vector<Question>& questions, const policy::Policy& policy, const TurnOptions& options, const World& world,
                 eval::Target& target, const Stage& stage, Progress& progress);

// Before, after and guarded side by side; a stage without a run of a question is absent from its measure.
std::vector<Measure> Compare(const std::vector<Question>& questions, const policy::Policy& policy, const Runs& before, const Runs& after,
                             const Runs& guarded);

}  // namespace plumb::loop
