// plumb eval fairness|confidence|tax: what finished runs say beyond their rates.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddAnalyses(CLI::App& eval, Globals& globals);

}  // namespace plumb::cli
