// A gate declared before the run: what is measured, against which baseline, with which margins. docs/gate.md has the
// file, and what declaring it (gate.lock.json) proves.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "intent/data/suite.h"
#include "measure/eval/metric.h"

namespace plumb::eval {

// What must hold of one metric on one suite.
struct Requirement {
  std::string id;                      // "harmful/unsafe-refused.no-worse"
  std::string suite;                   // by name
  Metric metric;
  enum Kind { kNoWorse, kBetter, kAtLeast, kAtMost } kind = kNoWorse;
  double value = 0;                    // the margin, or the rate
  bool shown = true;                   // by its test at alpha; false: by the estimate alone
  double disagree = 0.1;               // share of pairs expected to differ either way, for planning

  std::string Text() const;            // "unsafe refused down by less than 5.0 points"
};

struct Approver {
  std::string name, key;               // Ed25519 public key, hex
};

struct Declaration {
  std::string name, owner, sha256;     // of the file's bytes
  std::string path;
  double alpha = 0.05;                 // of each test that lets pass; over all together (Holm) for those that block
  double power = 0.8;                  // what planning asks of every comparison
  int64_t fewest = 30;                 // independent cases (groups) a requirement needs
  double health_margin = 0.02;         // for malformed, much shorter, wrong language
  enum class From { kPinned, kLast, kBest } from = From::kPinned;
  fs::path baseline;                   // pinned: a run, or a folder of runs; last, best: the folder of accepted runs
  std::vector<Requirement> require;
  std::vector<std::string> may_differ;  // settings, or "target.…": what the candidate may have otherwise
  std::vector<Approver> approvers;      // who may grant exceptions

  std::map<std::string, std::string> suite_paths;  // by name, where a suite was given by its path

  std::vector<std::string> Suites() const;  // names, each once
};

// All that is wrong is said at once, with line and column. Errors: kNotFound, kInvalid.
Result<Declaration> LoadDeclaration(const fs::path& file);
Result<Declaration> ParseDeclaration(std::string_view text, const std::string& name);

// What this declaration can see on these suites, before anything is run.
struct PlanRow {
  std::string id, statement;
  int64_t cases = 0, groups = 0;
  double power = 0;          // of letting an equal candidate pass (no worse, better: at 2 × the value)
  int64_t needed = 0;        // groups with which the declared power is reached
  double kept_out = 0;       // no worse: the drop from which on a candidate is kept out with 80 %
  bool enough = false;
  std::string note;
};
struct Plan {
  std::vector<PlanRow> rows;
  bool enough = false;
};
// Error: kNotFound (a suite that is required and not given).
Result<Plan> PlanGate(const Declaration& declaration, const std::vector<data::Suite>& suites);
json::array PlanJson(const Plan& plan);
std::string PlanTable(const Plan& plan);

// The lock: the declaration as it stood at `time`, with its suites and pinned baselines. A gate of another declaration,
// or of a run made before, cannot tell.
struct Lock {
  std::string declaration_sha256, time, ledger_entry;
  std::map<std::string, std::string> suites;     // name → SHA-256
  std::map<std::string, std::string> baselines;  // suite's name → digest of the pinned run
};
json::object LockJson(const Lock& lock, const Plan& plan);
Result<Lock> ReadLock(const fs::path& file);
// gate.yaml → gate.lock.json
fs::path LockFile(const fs::path& declaration);

}  // namespace plumb::eval
