// plumb gate declare|approver|except, and what `plumb gate --declaration` shares with them.
#pragma once

#include <string>

#include "cli/verbs.h"
#include "measure/eval/declared_gate.h"

namespace plumb::cli {

void AddGateDeclare(CLI::App& gate, Globals& globals);

// Leaves a `gate` entry in the project's ledger where there is one; the entry's id, else "".
Result<std::string> RecordGate(json::object body, const Globals& globals);
// Whether the ledger, where there is one, holds the entry that the lock names, with that declaration.
Status CheckLockEntry(const eval::Lock& lock, const Globals& globals);

}  // namespace plumb::cli
