// plumb guard train, registered by `guard`.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddGuardTraining(CLI::App& guard_verb, Globals& globals);

}  // namespace plumb::cli
