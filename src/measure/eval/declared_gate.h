// Decides a declared gate: baselines, conditions, requirements, exceptions.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "measure/eval/declaration.h"
#include "measure/eval/gate.h"

namespace plumb::eval {

// Runs below a folder (itself, its folders, theirs), or the one run.json. Runs that do not verify are an error.
Result<std::vector<Run>> FindRuns(const fs::path& path);

// The run of `suite` that the declaration's baseline means, among `runs`: the only one where it is pinned; the newest, or the
// one best at the suite's first requirement, among those made before the candidate. Error: kNotFound, kInvalid (two).
Result<Run> ChooseBaseline(const Declaration& declaration, const std::string& suite, const std::vector<Run>& runs, const Run& candidate);

struct RunPair {
  Run baseline, candidate;
};

// By suite name. Suites that are required and not here are checks that could not tell.
using RunPairs = std::map<std::string, RunPair>;

// `lock` is what was declared; nothing: the check that it was declared before the run cannot tell.
Gate DecideDeclared(const Declaration& declaration, const RunPairs& runs, const std::optional<Lock>& lock);

// What must be so that two runs may be compared at all: same cases, same conditions, every case once, no copied run.
std::vector<Check> ConditionChecks(const Declaration& declaration, const std::string& suite, const RunPair& runs);

// A check that does not pass may be let through: signed by an approver of the declaration, who is not the release's owner,
// for this declaration, this check and this candidate, until a day at most 90 days after it was granted.
struct Exception {
  std::string declaration_sha256, check, candidate, reason, by, granted, expires, signature;
};
// `seed`: the approver's Ed25519 seed. Errors: kInvalid (no such approver, key not theirs, no reason, too long).
Result<Exception> GrantException(const Declaration& declaration, Exception unsigned_, std::string_view seed);
json::object ExceptionJson(const Exception& exception);
// JSONL rows. Error: kInvalid (a row that is no exception).
Result<std::vector<Exception>> ReadExceptions(const fs::path& file);

// Applies those that hold now; one that does not is named in the check it was for.
void ApplyExceptions(Gate& gate, const Declaration& declaration, const std::vector<Exception>& exceptions, Time now);

}  // namespace plumb::eval
