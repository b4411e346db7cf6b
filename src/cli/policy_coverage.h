// plumb policy coverage: what stands behind each clause.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddCoverage(CLI::App& policy_verb, Globals& globals);

}  // namespace plumb::cli
