// Checking a ledger from its stored bytes alone.
#pragma once

#include "evidence/ledger/ledger.h"
#include "evidence/ledger/sqlite.h"

namespace plumb::ledger {

Result<Verification> VerifyAll(Database& db, const std::string& origin, const std::string& public_key,
                               const std::vector<std::string>& witness_notes);

}  // namespace plumb::ledger
