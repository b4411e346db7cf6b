// The alignment tax: what training for safety cost in ability, as one figure.
#pragma once

#include <string>
#include <vector>

#include "measure/eval/metric.h"
#include "measure/eval/run.h"

namespace plumb::eval {

struct TaxedSuite {
  std::string suite;
  Measure measure;   // "answered right", before against after
};

struct AlignmentTax {
  std::vector<TaxedSuite> suites;
  Measure all;               // over all suites' cases, each case counting the same
  bool same_conditions = true;  // settings are alike in every pair of runs
  // Share of cases lost, net: positive is a cost. The interval is that of `all`, turned round.
  stats::Interval tax;
  double detectable = 1;     // the tax that these cases would have found with 80 % power
};

// Runs before and after are paired by suite (name and bytes) and case. Errors: kInvalid (no suite in common, a suite twice on one
// side, no capability case: expect answer).
Result<AlignmentTax> TaxOf(const std::vector<Run>& before, const std::vector<Run>& after);

json::object TaxJson(const AlignmentTax& tax);
std::string TaxTable(const AlignmentTax& tax);

}  // namespace plumb::eval
