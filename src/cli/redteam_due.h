// plumb redteam due, schedule: what is to be run again, and the lines that run it.
#pragma once

#include "cli/config.h"
#include "cli/verbs.h"

namespace plumb::cli {

void AddDue(CLI::App& redteam, Globals& globals);

// Error: kNotFound, with near names.
Result<redteam::Schedule> FindSchedule(const Config& config, const std::string& name);

}  // namespace plumb::cli
