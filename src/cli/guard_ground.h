// plumb guard ground
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddGuardGround(CLI::App& guard_verb, Globals& globals);

}  // namespace plumb::cli
