// How far a target's confidence can be taken at its word, over a run's choice cases: log-probabilities, or what it said.
#pragma once

#include <string>
#include <vector>

#include "base/stats/confidence.h"
#include "measure/eval/run.h"

namespace plumb::eval {

struct ConfidenceReport {
  stats::ConfidenceQuality quality;
  std::vector<stats::ReliabilityBin> bins;
  int64_t without = 0;   // answers to choice cases that gave no confidence; in none of the figures
};

// Over samples that ran, chose and gave a confidence; of cases that have a right answer (decisions have none).
ConfidenceReport ConfidenceOf(const std::vector<Sample>& samples);

json::object ConfidenceJson(const ConfidenceReport& report);
std::string ConfidenceTable(const ConfidenceReport& report);
// One page with the reliability diagram, that needs nothing else.
std::string ConfidenceHtml(const ConfidenceReport& report, const std::string& title, const std::string& made);

}  // namespace plumb::eval
