// runtime/guard: what a text is judged by, before and after the model.
//
//   Direction   where the text travels: input, output, tool_call, tool_result, document
//   Detector    one thing that looks: patterns (tier 0), linear (tier 1), encoder (tier 2), aligned (tier 3, inputs; a
//               guard that a turn of the loop made), refusal (outputs)
//   Classifier  the encoder as the guard sees it: texts in, one score per head out; injected, lives in plumb-lm
//   Verdict     what came of it: an action, scores and thresholds per category, and that every detector did run
//   Guard       a policy, the folder that was trained and calibrated for it (docs/guard.md), and the cascade over both
//
//   Result<Guard> guard = Guard::Load("guard", policy, {.classifier = &encoder});
//   Result<Verdict> verdict = guard->Check(Direction::kInput, {.text = "how do I pick a lock"});
//   if (verdict->action >= policy::Action::kRedact) …
//
// Tiers: a text is normalised to layers (normalise.h); patterns run over every layer; the linear model and the encoder
// score every reading layer, by windows where it is long, and the largest score counts. The encoder is not asked where
// the linear model is sure (guard.json, `cascade`). The strictest action wins.
//
// Silence: a detector the guard requires in a direction and that gave no answer is `not_run` or `error`, and the
// verdict `failed`; OnError says what then happens. A missing answer is never a pass under kBlock, the default.
//
// A Guard is immutable and safe to use from any thread (the classifier must be, too). See also stream.h (guarding
// text while it is written), train.h, calibrate.h, refusal.h.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/core.h"
#include "intent/policy/policy.h"
#include "runtime/guard/layer.h"

namespace plumb::guard {

using policy::Action;

enum class Direction { kInput, kOutput, kToolCall, kToolResult, kDocument };
inline constexpr Direction kDirections[] = {Direction::kInput, Direction::kOutput, Direction::kToolCall,
                                            Direction::kToolResult, Direction::kDocument};
// "input", "output", "tool_call", "tool_result", "document".
std::string_view DirectionName(Direction direction);
// Error: kInvalid, listing the names.
Result<Direction> ParseDirection(std::string_view name);

// The encoder. Implementations must be safe to use from any thread.
class Classifier {
 public:
  virtual ~Classifier() = default;
  virtual const std::vector<std::string>& heads() const = 0;
  // Per text one probability (0..1) per head. Error: whatever kept it from answering.
  virtual Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts) = 0;
};

enum class DetectorStatus { kOk, kNotRun, kError };
std::string_view DetectorStatusName(DetectorStatus status);  // "ok", "not_run", "error"

struct DetectorReport {
  DetectorStatus status = DetectorStatus::kNotRun;
  double ms = 0;
  bool skipped = false;  // the tier before was sure; counts as ok
  std::string note;      // why not, where the status is not ok
  std::string reason;    // a judge's words; they may quote the text, and are never recorded
};

struct CategoryVerdict {
  double score = 0;      // 0..1; 1 where a confirmed pattern matched
  double threshold = 1;  // fires at score ≥ threshold
  bool fired = false;
  Action action = Action::kAllow;  // what it asks for, where it fired
  std::vector<Span> spans;         // the evidence, as bytes of the text given
  std::string channel;             // of an answer's many texts, which; empty for the first choice's text (answer.h)
};

struct Verdict {
  Action action = Action::kAllow;
  std::string clause;             // whose action it is; empty for allow, "guard" where a detector failed
  double unsafe = 0;              // 0..1, calibrated on the policy's examples: harmful under any category
  std::optional<double> refusal;  // outputs: 0..1, the answer refuses
  bool failed = false;            // a required detector did not run
  std::map<std::string, CategoryVerdict> categories;
  std::map<std::string, DetectorReport> detectors;
};
// The object of the command contract: {"action","unsafe",["refusal"],"categories":{…},"detectors":{…}}.
json::object VerdictJson(const Verdict& verdict);

// `text` with the evidence of every category that asks for redaction replaced by "[redacted: CLAUSE]".
std::string Redact(std::string_view text, const Verdict& verdict);

struct Subject {
  std::string text;    // what is judged
  std::string prompt;  // for outputs, what it answers; may be empty
  bool part = false;   // of a text that is judged piece by piece: what only the whole can be, a refusal, is not asked
};
// From chat messages: for an input what was said since the assistant last spoke; for an output the last assistant
// message and what it answers. Error: kInvalid.
Result<Subject> SubjectOf(const json::array& messages, Direction direction);

// When a required detector fails: block; let the text pass (recorded as failed); or judge by the tiers that did run.
enum class OnError { kBlock, kAllow, kFallback };

class LlmJudge;  // llm_judge.h

struct GuardOptions {
  Classifier* classifier = nullptr;       // not owned; must outlive the guard
  Classifier* aligned = nullptr;          // OpenAligned's (aligned.h); not owned, must outlive the guard
  bool require_encoder = true;            // where guard.json has models: false judges by tiers 0 and 1 alone
  LlmJudge* judge = nullptr;              // the last tier, for the undecided; not owned, must outlive the guard
  std::vector<std::string> canaries;      // literal strings that must not be said
  OnError on_error = OnError::kBlock;
  std::chrono::milliseconds check_deadline{0};  // for one asking of the classifier; 0: none
  std::function<double()> milliseconds;   // for DetectorReport::ms; empty is the machine's steady clock
};

struct GuardRecord;  // record.h: what guard.json says

class Guard {
 public:
  // `folder` as docs/guard.md describes. Errors: kNotFound, kCorrupt (a file that is not what guard.json says it is),
  // kInvalid (a detector of the policy that cannot be used).
  static Result<Guard> Load(const fs::path& folder, const policy::Policy& policy, GuardOptions options);
  // Patterns alone, where nothing was trained yet.
  static Result<Guard> PatternsOnly(const policy::Policy& policy, GuardOptions options);
  Guard(Guard&&) noexcept;
  Guard& operator=(Guard&&) noexcept;
  ~Guard();

  // One verdict each, in order. Detectors that fail are in the verdicts, not in an error.
  std::vector<Verdict> Check(Direction direction, std::span<const Subject> subjects) const;
  Verdict Check(Direction direction, const Subject& subject) const;

  const policy::Policy& policy() const;
  const GuardRecord& record() const;
  // "patterns", "linear", "encoder", and "aligned" where guard.json has it: what judges, and why not where it does not.
  struct Tier {
    std::string name;
    bool ready = false;
    std::string note;
  };
  std::vector<Tier> Tiers() const;
  // "warning" lines for a person: made for another policy, thresholds not calibrated, a tier missing.
  std::vector<std::string> Warnings() const;

  struct Parts;  // cascade.h
  const Parts& parts() const { return *parts_; }

 private:
  explicit Guard(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace plumb::guard
