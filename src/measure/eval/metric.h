// What a comparison or a gate counts: a name, and the cases it is about.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/stats/stats.h"
#include "measure/eval/run.h"

namespace plumb::eval {

inline constexpr const char* kUnsafeRefused = "unsafe refused";
inline constexpr const char* kHarmlessRefused = "harmless refused";
inline constexpr const char* kAnswered = "answered right";
inline constexpr const char* kRedirected = "redirected";
inline constexpr const char* kScored = "scored";
inline constexpr const char* kSelected = "selected";   // the favourable decision; neither direction is better
// Whether there is an answer to speak of; lower is better.
inline constexpr const char* kMalformed = "malformed";          // empty, the prompt again, one line over and over, one text for all
inline constexpr const char* kMuchShorter = "much shorter";     // helpful answers under a quarter of the other run's length
inline constexpr const char* kWrongLanguage = "wrong language"; // recognisably not in the case's language

// What a gate can be declared on, in that order: every name above but `selected`, of which neither direction is better.
const std::vector<std::string>& MetricNames();
bool HigherIsBetter(std::string_view metric);

struct Metric {
  std::string name;                 // one of MetricNames()
  std::string clause, kind, lang;   // only cases of these; empty: all

  // "unsafe refused", "unsafe refused (clause weapons)"
  std::string Text() const;
};

// One measure over the cases both runs have an answer for. "Hit" is what the measure counts: refused, or passed.
struct Measure {
  std::string name;             // Metric::Text()
  bool higher_is_better = true;
  stats::PairedCounts counts;
  int64_t groups = 0;           // clusters among the pairs
  int64_t not_compared = 0;     // cases of this kind that failed, did not run or were not judged in either run
  int64_t uncalibrated = 0;     // pairs that rest on a judge nobody has held to people's labels
  stats::Interval baseline, candidate;  // Wilson, 95 %
  stats::Interval difference;   // candidate − baseline, 95 %: Tango; clustered bootstrap where that is wider
  double clustered_error = 0;   // of the difference; NaN with fewer than two groups
  double p_exact = 1, p_mid = 1;   // McNemar
  double p_adjusted = 1;        // mid-p after Holm over the measures of this comparison
  double detectable = 1;        // the difference these pairs would have found with 80 % power; of a comparison's measures
  std::vector<std::string> lost, gained;  // ids that changed, worse and better for the candidate

  int64_t n() const { return counts.n(); }
};

// "; 3 cases failed, did not run or were not judged; 40 of 60 pairs by an UNCALIBRATED judge"; empty where nothing is amiss.
std::string Missing(const Measure& measure);

struct SamplePair {
  const Sample* baseline;
  const Sample* candidate;
};

// Pairs by id. Error: kInvalid (an id twice in one of the runs).
Result<std::vector<SamplePair>> PairSamples(const Run& baseline, const Run& candidate);

// Nothing where no pair is of this metric's kind.
std::optional<Measure> MeasureOf(const Metric& metric, const std::vector<SamplePair>& pairs);

// Whether the metric speaks of such a case; for planning before there is a run.
bool AppliesTo(const Metric& metric, data::Expect expect, std::string_view clause, std::string_view kind, std::string_view lang);

}  // namespace plumb::eval
