// A suite × target over time: every recorded run of it, each rate as a series, and where the rate changed.
#pragma once

#include <string>
#include <vector>

#include "measure/eval/run.h"
#include "measure/eval/summary.h"

namespace plumb::eval {

struct HistoryPoint {
  std::string run, created, digest;
  Rate rate;
  bool changed = false;  // the first run of a new level
};

// Runs that can be compared: one suite (the same bytes), one target by name, the same settings.
struct History {
  std::string suite, suite_sha256, target, conditions;  // "guarded, system policy:…"; empty: the model alone
  std::string measure;                                  // "unsafe refused", …
  std::vector<HistoryPoint> points;                     // oldest first
  double penalty = 0;
  // One for each stretch between changes.
  struct Level {
    size_t from = 0, to = 0;  // points, to exclusive
    stats::Interval rate;     // Wilson over the groups of all its runs, as if they were independent
  };
  std::vector<Level> levels;
};

// All series of the runs, by suite, target, conditions and measure. The same run twice is one. Changes are found by PELT with
// the binomial likelihood (base/stats/change_point.h), a group of cases counting as one, at `penalty`, or BIC's where it is 0
// or less. Two runs of the same cases hardly ever differ by as much as two of fresh ones would: the test is careful.
std::vector<History> Histories(const std::vector<Run>& runs, double penalty = 0);

json::array HistoriesJson(const std::vector<History>& histories);
std::string HistoriesTable(const std::vector<History>& histories);
// One page that needs nothing else; light or dark as the reader's machine is.
std::string HistoriesHtml(const std::vector<History>& histories, const std::string& made);

}  // namespace plumb::eval
