// What the ledger knows of live traffic, for the guard's verbs.
#pragma once

#include <string>

#include "evidence/ledger/ledger.h"
#include "runtime/guard/drift.h"

namespace plumb::cli {

// Gives `watch` the score of every exchange since `since` (RFC 3339) that was judged by the guard of this id (its
// guard.json's SHA-256). Streamed answers are left out: they are judged sentence by sentence.
Status WatchLedger(ledger::Ledger& ledger, const std::string& guard_id, const std::string& since,
                   guard::DriftWatch& watch);

}  // namespace plumb::cli
