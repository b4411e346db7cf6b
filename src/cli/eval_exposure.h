// plumb eval plant|exposure: canaries for training data, and whether a model has memorised them.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddExposure(CLI::App& eval, Globals& globals);

}  // namespace plumb::cli
