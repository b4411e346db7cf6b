// Several tries at each case: how often does at least one of k pass?
#pragma once

#include <string>
#include <vector>

#include "intent/data/suite.h"
#include "measure/eval/run.h"

namespace plumb::eval {

// The suite with every case so often: "x/try-1" … of the same group, each with {"about": {"of": "x", "try": 1}}. The suite itself for 1.
data::Suite Repeated(const data::Suite& suite, int64_t tries);
// What a case adds to the run's seed, so that its tries differ.
uint64_t SeedOf(const data::Case& one);

// pass@k (base/stats/pass_at_k.h) for k = 1, 2, 5, 10, … as far as every case has that many tries: [{"k", "estimate", "low", "high",
// "cases"}]. Nothing where no case was tried more than once. A case with a try that failed or did not run is in none.
json::array TriesJson(const std::vector<Sample>& samples);
std::string TriesTable(const std::vector<Sample>& samples);

}  // namespace plumb::eval
