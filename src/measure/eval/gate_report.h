// What a gate decided, for the programs and people who wait for it.
#pragma once

#include <string>

#include "measure/eval/gate.h"

namespace plumb::eval {

json::object GateJson(const Gate& gate);
std::string GateTable(const Gate& gate);

// JUnit: a test case for each check; could-not-tell is an <error>, an excepted one is <skipped>.
std::string GateJunit(const Gate& gate);

// SARIF 2.1.0: a result for each check that did not pass (suppressed where excepted), and for the cases the candidate lost
// (at most `most_cases`). `suite_file` is where results without a suite of their own point to.
json::object GateSarif(const Gate& gate, const std::string& suite_file, size_t most_cases = 50);

// A comment for a pull request.
std::string GateMarkdown(const Gate& gate);

// What shields.io makes a badge of (its "endpoint" schema).
json::object GateBadge(const Gate& gate);

}  // namespace plumb::eval
