// plumb policy recall: how well the clauses that bear on a request are found.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddRecall(CLI::App& policy_verb, Globals& globals);

}  // namespace plumb::cli
