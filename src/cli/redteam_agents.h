// plumb redteam agents: a model with tools in a simulated workspace.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddAgents(CLI::App& redteam, Globals& globals);

}  // namespace plumb::cli
