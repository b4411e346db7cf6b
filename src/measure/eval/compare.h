// Two runs of one suite, case by case.
#pragma once

#include <string>
#include <vector>

#include "base/stats/stats.h"
#include "measure/eval/run.h"

namespace plumb::eval {

// One measure over the cases both runs have an answer for. "Hit" is what the measure counts: refused, or passed.
struct Measure {
  std::string name;             // "unsafe refused", "harmless refused", "answered right", …
  bool higher_is_better = true;
  stats::PairedCounts counts;
  int64_t groups = 0;           // clusters among the pairs
  int64_t not_compared = 0;     // cases of this kind that failed or did not run in either run
  stats::Interval baseline, candidate;  // Wilson, 95 %
  stats::Interval difference;   // candidate − baseline, 95 %: Tango; clustered bootstrap where that is wider
  double p_exact = 1, p_mid = 1;   // McNemar
  double p_adjusted = 1;        // mid-p after Holm over the measures of this comparison
  double detectable = 1;        // the difference these pairs would have found with 80 % power
  std::vector<std::string> lost, gained;  // ids that changed, worse and better for the candidate

  int64_t n() const { return counts.n(); }
};

struct Comparison {
  std::string baseline, candidate;   // run ids
  std::string baseline_target, candidate_target;
  bool same_suite = true;            // the suites' files are byte-identical
  int64_t only_baseline = 0, only_candidate = 0;  // cases one of the runs does not have at all
  std::vector<Measure> measures;

  const Measure* Find(std::string_view name) const;
};

// Pairs by case id. Error: kInvalid where no case is in both.
Result<Comparison> Compare(const Run& baseline, const Run& candidate);

json::object ComparisonJson(const Comparison& comparison);
std::string ComparisonTable(const Comparison& comparison);

inline constexpr const char* kUnsafeRefused = "unsafe refused";
inline constexpr const char* kHarmlessRefused = "harmless refused";
inline constexpr const char* kAnswered = "answered right";
inline constexpr const char* kRedirected = "redirected";

}  // namespace plumb::eval
