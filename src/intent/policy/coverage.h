// Clause by clause: what stands behind it, and where nothing does.
#pragma once

#include "intent/policy/policy.h"

namespace plumb::policy {

// What there is outside the policy. A path that does not exist makes its columns "n/a", which is neither good nor a hole.
struct CoverageSources {
  std::vector<fs::path> suites;          // folders of NAME/*.jsonl: rows with "clause"; "attack" or "wrapper" marks an attack, unless "expect": "comply"
  fs::path guard;                        // folder with guard.json
  fs::path pairs;                        // JSON Lines: rows with "clause"
  std::map<std::string, Time> evidence;  // clause → the newest evidence, from the ledger; empty: n/a
  Time now;
};

enum class CellState { kCovered, kHole, kNotApplicable };

struct Cell {
  CellState state = CellState::kNotApplicable;
  std::string text;
};

// The columns, in order: examples, cases, attacks, detector, pairs, control, owner, evidence age.
const std::vector<std::string>& CoverageColumns();

struct CoverageRow {
  std::string clause;
  std::vector<Cell> cells;
};

struct Coverage {
  std::vector<CoverageRow> rows;
  std::vector<std::string> holes;  // "violence: examples (3 violating, 12 allowed; 12 of each are needed)"
  std::vector<std::string> not_applicable;  // columns with nothing to look at, and why
};

// A category needs 12 examples on each side; scope needs 4, tone 3. Cases are the suites' and the policy's own test split;
// a principle's are the rows bound to it, and those of a suite it names that binds none to it (no other principle's). Of two
// suites with one name the earlier folder's counts. Errors: kInvalid for a suite or guard that is there and cannot be read.
Result<Coverage> CoverageOf(const Policy& policy, const CoverageSources& sources);

}  // namespace plumb::policy
