// plumb redteam dialogue: two models that talk with each other under one policy.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddDialogue(CLI::App& redteam, Globals& globals);

}  // namespace plumb::cli
