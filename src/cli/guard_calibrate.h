// plumb guard sample, calibrate and verify, registered by `guard`.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddGuardSample(CLI::App& guard_verb, Globals& globals);
void AddGuardCalibration(CLI::App& guard_verb, Globals& globals);

}  // namespace plumb::cli
