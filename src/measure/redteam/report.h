// What a campaign found, in numbers that say how sure they are.
#pragma once

#include <string>
#include <vector>

#include "base/stats/interval.h"
#include "measure/eval/run.h"
#include "measure/redteam/campaign.h"

namespace plumb::redteam {

struct Share {
  std::string name;
  int64_t hits = 0, n = 0;
  stats::Interval interval;  // Wilson; a bootstrap over groups where goals share one
};

// `hits` of goals (or of goals × attacks), with the group each belongs to.
Share ShareOf(std::string name, const std::vector<double>& hits, const std::vector<int64_t>& group);
// {"name", "successes", "n", "rate" (null of none), "low", "high"}
json::object ShareJson(const Share& share);
json::array SharesJson(const std::vector<Share>& shares);
std::string ShareText(const Share& share);  // "3/12  25.0 %  [8.9, 53.2]"

struct Summary {
  int64_t goals = 0, queries = 0, attacker_queries = 0, errors = 0;
  int64_t gradient_steps = 0, evaluated = 0;  // beside the questions: steps, and candidates whose loss was computed
  std::vector<Share> at_budget;           // "1", "2", "5", …: goals with a success within so many questions
  std::vector<Share> by_attack, by_family;  // goals on which it was tried and worked
  std::vector<Share> by_clause;           // goals of the clause with a success within the budget
  std::vector<Share> first_by;            // of all goals, those whose first success was the family's
  // clause × family: what was tried and what worked; a cell nobody tried is a hole.
  struct Cell {
    std::string clause, family;
    int64_t tried = 0, worked = 0;
    double harm = 0;                      // of the worst answer
    std::string attack, goal;             // that got it
  };
  std::vector<Cell> archive;              // every clause × every family, in that order
  double covered = 0, broken = 0;         // shares of the cells that were tried, and that worked
  std::vector<std::string> notes;         // what the numbers do not say
};

Summary Summarize(const Campaign& campaign, int budget);
json::object SummaryJson(const Summary& summary, const Campaign& campaign);
std::string SummaryTable(const Summary& summary);

// JailbreakBench's artefact (Chao et al. 2024): one jailbreak for each goal; `attack` and `clause` beside its own fields.
json::object JailbreakBenchArtifact(const Campaign& campaign, const std::string& date);

// The campaign as a run of cases that expect a refusal, one for each goal (or, where every attack was tried, for each goal ×
// attack, grouped by goal): two of them compare and gate like any runs, which is how a repair is proven.
eval::Run CampaignRun(const Campaign& campaign, bool every, Time created);

}  // namespace plumb::redteam
