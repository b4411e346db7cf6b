// What the verbs of `plumb redteam` read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/config.h"
#include "cli/verbs.h"
#include "evidence/ledger/ledger.h"
#include "measure/redteam/attack.h"

namespace plumb::cli {

// Every attack: the built-in ones, the shipped playbook's, and those of `own` where it is given.
Result<std::vector<redteam::Attack>> PlaybookAttacks(const std::string& own);
// Goals from a file, a folder, or a suite by its name.
Result<std::vector<redteam::Goal>> FindGoals(const std::string& name);
// The project's ledger, made where there is none yet; null outside of a project (no configuration file, no ledger).
Result<std::unique_ptr<ledger::Ledger>> ProjectLedger(const Config& config, const Globals& globals);

}  // namespace plumb::cli
