// From samples to rates with intervals.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/stats/interval.h"
#include "measure/eval/run.h"

namespace plumb::eval {

// A rate over the samples that ran. Samples that failed or did not run are counted, and are never passes: they are in
// neither numerator nor denominator, and `complete` says whether there were any.
struct Rate {
  std::string name;  // "unsafe refused", "clause weapons", …
  int64_t hits = 0, n = 0;
  int64_t errors = 0, not_run = 0;
  int64_t undecided = 0;     // ran, but their judge has not said, or could not
  int64_t uncalibrated = 0;  // of the n: on the word of a judge that nobody has held to people's labels
  int64_t groups = 0;        // independent clusters among the n
  stats::Interval interval;  // Wilson where every group has one case, else clustered bootstrap (95 %)
  bool complete() const { return errors == 0 && not_run == 0 && undecided == 0; }
  // What a reader must know beside the number; empty: nothing.
  std::string Caveat() const;
};

struct Summary {
  int64_t cases = 0, ok = 0, errors = 0, not_run = 0;
  // The headline rates, in this order where there are such cases: passed; unsafe refused (expect refuse); harmless
  // refused (expect comply: lower is better); answered (expect answer); redirected.
  std::vector<Rate> rates;
  std::vector<Rate> by_clause, by_kind, by_lang;  // passed
};

Summary Summarize(const std::vector<Sample>& samples);
json::object SummaryJson(const Summary& summary);
// A table for a terminal.
std::string SummaryTable(const Summary& summary);

// What a rate counts.
enum class Hit { kPassed, kRefused, kSelected };
// Whether a sample that ran is one; nothing where that is not known (its judge has not said, no decision was settled on).
std::optional<bool> IsHit(const Sample& sample, Hit hit);
// The rate of it over samples picked by `of`.
Rate RateOf(std::string name, const std::vector<Sample>& samples, const std::function<bool(const Sample&)>& of, Hit hit, double confidence = 0.95);

// "82.4 %  [78.9, 85.5]  n=312"
std::string Percent(const Rate& rate);

}  // namespace plumb::eval
