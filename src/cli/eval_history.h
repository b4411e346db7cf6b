// plumb eval history, registered by `eval`.
#pragma once

#include "cli/verbs.h"

namespace plumb::cli {

void AddHistory(CLI::App& eval, Globals& globals);

}  // namespace plumb::cli
