// The tables of a ledger file and the statements over them. docs/ledger.md describes them for outsiders.
#pragma once

#include "evidence/ledger/merkle.h"
#include "evidence/ledger/sqlite.h"

namespace plumb::ledger {

inline constexpr int kSchemaVersion = 1;

// Creates the tables where they are missing; refuses a file of another program or a newer version.
Status PrepareSchema(Database& db);

Result<std::string> GetMeta(Database& db, std::string_view key);  // "" where absent
Status SetMeta(Database& db, std::string_view key, std::string_view value);

// Reads complete nodes of the tree. `db` must outlive it.
NodeReader ReadNodes(Database& db);

}  // namespace plumb::ledger
