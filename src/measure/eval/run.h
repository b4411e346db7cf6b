// A run: what one target said to a suite, and how it was scored. Immutable once written; docs/evaluation.md has the
// file format.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "intent/data/suite.h"

namespace plumb::eval {

struct Summary;

enum class SampleStatus { kOk, kError, kNotRun };
const char* StatusName(SampleStatus status);

// Whether `passed` rests on a judge (judge.h): on none; on one that was not asked yet or gave no verdict, so that nobody knows;
// on one that nobody has held to people's labels; on one that somebody has.
enum class JudgeState { kNone, kPending, kAbstained, kUncalibrated, kCalibrated };
const char* JudgeStateName(JudgeState state);  // none, pending, abstained, uncalibrated, calibrated

struct Sample {
  std::string id;
  SampleStatus status = SampleStatus::kNotRun;
  data::Expect expect = data::Expect::kScore;
  std::string clause, kind, group, lang, twin;
  std::string prompt;         // the last user turn
  std::string output;
  double refusal = 0;         // 0…1, only meaningful where status is ok
  bool refused = false;
  std::string action = "allow";
  bool passed = false;        // false unless status is ok
  JudgeState judge = JudgeState::kNone;  // while pending or abstained, `passed` is false and no rate of passing counts it
  json::object scores;        // scorer → 0…1
  json::object notes;         // scorer → why, where there is something to say
  json::object about;         // of the case
  std::optional<int64_t> chose;       // of the case's choices, where the answer settled on one
  std::optional<double> confidence;   // the probability it gave its answer, 0…1
  std::string error;
  std::string finish_reason;
  int64_t input_tokens = 0, output_tokens = 0;
  double ms = 0;
};

// Ran, but whether it passed is for a judge to say who has not.
bool Undecided(const Sample& sample);
// Of a case that asks for a decision (scorer "decision"): whether it was the favourable one. Nothing where it asks for none, or where
// the answer settled on none.
std::optional<bool> Selected(const Sample& sample);

json::object SampleJson(const Sample& sample);
Result<Sample> ParseSample(const json::object& row, const std::string& where);

struct Run {
  std::string id, created;
  json::object suite;     // name, sha256, cases; never_send where the suite has such rules
  json::object target;
  json::object settings;  // system, guarded, limit, sampling, scorer versions
  std::vector<Sample> samples;
  std::string digest;     // "sha256:…" over everything else, in canonical JSON

  std::string TargetName() const;
  std::vector<std::string> NeverSend() const;  // the suite's rules, which hold for what was asked and answered, too
};

// The digest a run should carry.
Result<std::string> RunDigest(const Run& run);

// Writes run.json atomically, with summary and digest. Error: kIo.
Status WriteRun(const fs::path& file, const Run& run);

// The same from samples whose texts are there already (recording.h); the digest comes back.
struct SampleText {
  std::string pretty;     // as run.json has it
  std::string canonical;  // as the digest counts it
};
Result<SampleText> TextOf(const json::object& sample);
Result<std::string> WriteRunOf(const fs::path& file, const Run& run, const Summary& summary,
                               const std::vector<const SampleText*>& samples);

// Reads a run: a run.json or the folder with it. Errors: kNotFound, kInvalid, kCorrupt where the contents do not match
// the digest (the file was edited).
Result<Run> ReadRun(const fs::path& path);
// The same without checking the digest; for `plumb eval show` of a run known to be edited.
Result<Run> ReadRunUnchecked(const fs::path& path);

}  // namespace plumb::eval
