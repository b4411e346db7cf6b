// plumb redteam transfer, registered by `redteam`.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddTransfer(CLI::App& redteam, Globals& globals);

}  // namespace plumb::cli
