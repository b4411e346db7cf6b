// plumb eval stat, registered by `eval`.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddStat(CLI::App& eval, Globals& globals);

}  // namespace plumb::cli
