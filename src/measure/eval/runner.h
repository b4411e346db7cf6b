// Asks a target every case of a suite, scores the answers, and writes the run.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "intent/data/suite.h"
#include "measure/eval/run.h"
#include "measure/eval/scorer.h"
#include "measure/eval/target.h"

namespace plumb::eval {

struct Progress {
  size_t done = 0, total = 0, errors = 0, resumed = 0;
};

struct RunOptions {
  fs::path out;                        // folder: samples.jsonl while running, then run.json and inspect.json / .eval
  std::string system;                  // system prompt; empty: none
  std::string system_name = "none";    // none, policy, or the file's name
  bool guarded = false;
  std::optional<int64_t> limit;        // only the first N cases
  bool secret = false;                 // neither prompts nor answers are written anywhere: the cases are sealed
  int concurrency = 8;
  int64_t max_tokens = 256;
  double temperature = 0;
  uint64_t seed = 0;
  ScorerTools tools;
  Clock clock = SystemClock();
  std::function<void(const Progress&)> on_progress;  // after every sample
  std::function<bool()> stop;                        // true: finish soon, keep what is there
};

// Answers already in OUT/samples.jsonl from an interrupted run of the same suite, target and settings are kept; failed
// ones are asked again. Where no case gets an answer nothing is left in OUT. Errors: kConflict (OUT holds another run),
// kCancelled (stopped; run again to go on), kInvalid (a scorer), kUnavailable (nothing was answered; a target that cannot be
// reached is asked 16 cases, no more), whatever the target as a whole says.
Result<Run> RunSuite(const data::Suite& suite, Target& target, const RunOptions& options);

// How one answer is scored; what RunSuite does with each.
Sample ScoreAnswer(const data::Case& one, const std::vector<std::shared_ptr<const Scorer>>& scorers, const Answer& answer,
                   const std::vector<double>& choice_logprobs);

// The messages a case is asked with: its own, after the system prompt where there is one. Multiple choice without
// log-probabilities lists its choices and asks for the letter.
json::array MessagesOf(const data::Case& one, const std::string& system, bool letters);

}  // namespace plumb::eval
