// loop: one turn of it. A policy and a model go in; the same model closer to the policy comes out, with a guard tuned to
// it, and a report in which every number has its evidence.
//
//   measure → attack → guard → pairs → sft → dpo → calibrate → remeasure → gate → report
//
// Each step leaves a file in the turn's folder; a turn that was interrupted goes on from the last of them.
//
//   OUT/events.jsonl      what happened when (progress.h)
//   OUT/turn.json         what the turn was asked to do; --resume must match it
//   OUT/runs/STAGE/SUITE  measurements (docs/evaluation.md); STAGE: before, after, guarded
//   OUT/pairs.jsonl       preference pairs of this turn (TRL format, with clause, kind and source)
//   OUT/suite/            cases that this turn adds: attacks that succeeded, and examples that still fail
//   OUT/adapter/          the PEFT adapter of the model alone (local targets)
//   OUT/release.json      who answers alone and who behind the guard (release.h); OUT/serve.yaml: the same for plumb.yaml
//   OUT/prompt.md         the tuned system prompt (vendors' targets)
//   OUT/guard/            the calibrated guard; its aligned/ is the adapter as it was trained (runtime/guard/aligned.h)
//   OUT/report.html, OUT/report.json
//
// RunTurn blocks for minutes. It uses no clock, random source or environment but what World gives it.
#pragma once

#include <functional>
#include <memory>

#include "evidence/ledger/ledger.h"
#include "loop/report.h"
#include "measure/eval/eval.h"
#include "runtime/guard/guard.h"
#include "runtime/guard/record.h"

namespace plumb::loop {

struct TurnOptions {
  fs::path policy;             // policy.yaml
  std::string target;          // "local:smollm2", "openai:gpt-…"
  fs::path out;                // the turn's folder
  std::vector<fs::path> suites;  // folders with suites; the first that has a suite of the name wanted is taken
  std::vector<fs::path> data;  // further TRL rows; a tenth of each file is held out
  double minutes = 15;         // for the whole turn; sizes and training time follow from it
  uint64_t seed = 0;
  bool resume = false;         // go on with an interrupted turn in `out`
};

// What the outside gives a turn.
struct World {
  Clock clock;
  std::function<double()> seconds;  // a clock that only goes forward
  std::FILE* terminal = nullptr;    // progress; null: none
  std::function<bool()> stop;       // true: keep what is done and end
  ledger::Ledger* ledger = nullptr; // evidence; required

  // A model by its target name ("local:smollm2+FOLDER", …). Errors name near ones.
  std::function<Result<std::unique_ptr<eval::Target>>(const std::string& target)> open_target;
  // A training job of plumb-lm; events as they come. Local targets only.
  std::function<Result<json::object>(const std::string& job, const json::object& config,
                                     const std::function<void(const json::object&)>& on_event)> run_job;
  // The guard's encoder tier from a guard folder's encoder/.
  std::function<Result<std::unique_ptr<guard::Classifier>>(const fs::path& encoder)> open_classifier;
  // The tier of a guard that is an aligned model. Local targets only.
  std::function<Result<std::unique_ptr<guard::Classifier>>(const guard::AlignedIdentity& aligned, const fs::path& folder)> open_aligned;
  fs::path shipped_guard;           // the guard that comes with Plumbline
  json::object identities;          // versions and hashes of programs and models, for the report
};

struct Outcome {
  Report report;
  int exit_code = 0;  // 0 gate passed, 1 failed, 2 could not tell
};

// Errors: kInvalid (options, policy, data), kConflict (`out` holds another turn), kCancelled (stopped; what is done is
// kept), whatever a target or a job says.
Result<Outcome> RunTurn(const TurnOptions& options, const World& world);

}  // namespace plumb::loop
