// Two runs of one suite, case by case.
#pragma once

#include <string>
#include <vector>

#include "measure/eval/metric.h"

namespace plumb::eval {

struct Comparison {
  std::string baseline, candidate;   // run ids
  std::string baseline_target, candidate_target;
  bool same_suite = true;            // the suites' files are byte-identical
  int64_t only_baseline = 0, only_candidate = 0;  // cases one of the runs does not have at all
  std::vector<Measure> measures;

  const Measure* Find(std::string_view name) const;
};

// Pairs by case id. Error: kInvalid where no case is in both, or one is twice in a run.
Result<Comparison> Compare(const Run& baseline, const Run& candidate);

// An estimate that is no number is left out.
json::object IntervalJson(const stats::Interval& interval);
json::object ComparisonJson(const Comparison& comparison);
std::string ComparisonTable(const Comparison& comparison);

}  // namespace plumb::eval
