// What a replay found, with the uncertainty of it.
#pragma once

#include <string>
#include <vector>

#include "base/stats/stats.h"
#include "runtime/replay/replay.h"

namespace plumb::replay {

// k of n with Wilson's 95 % interval.
struct ReplayRate {
  int64_t k = 0, n = 0;
  stats::Interval interval;
};

// One clause in one direction, over the exchanges in which both sides judged that direction.
struct ReplayClause {
  std::string clause, direction;
  ReplayRate after;                // over every exchange the new side judged there
  int64_t pairs = 0;               // judged there by both sides
  stats::PairedCounts counts;      // "passed" here means: fired; baseline is before
  ReplayRate before_paired, after_paired;
  stats::Interval difference;      // after − before, Tango's 95 % interval
  double p = 1, p_holm = 1;        // McNemar mid-p; adjusted over all clauses and directions
};

struct ReplayExample {
  std::string id, time, model, clause, direction;
  std::string before, after;       // actions
  std::string asked, answered;     // the beginning of the texts, where they are there
};

struct ReplayReport {
  int64_t seen = 0;
  std::map<std::string, int64_t> by_status;   // replayed, partly, not_replayed, not_judged
  std::map<std::string, int64_t> missing;     // "request: hashed" → exchanges
  int64_t compared = 0;                       // both outcomes are known
  ReplayRate changed, newly_stopped, newly_redacted, newly_passed;
  int64_t newly_asked = 0;                    // would now reach the model; what it would say is not known
  ReplayRate stopped_before, stopped_after, redacted_before, redacted_after;
  stats::Interval stopped_difference;
  double stopped_p = 1;                       // McNemar mid-p
  std::vector<ReplayClause> clauses;          // those that fired on either side; largest change first
  std::map<std::string, std::vector<ReplayExample>> examples;  // by change
};

ReplayReport SummariseReplay(const std::vector<ReplayRow>& rows, size_t examples_each);
json::object ReportJson(const ReplayReport& report, bool with_texts);
// For a person.
std::string ReportText(const ReplayReport& report);

}  // namespace plumb::replay
