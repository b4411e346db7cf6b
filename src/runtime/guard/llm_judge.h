// The last tier: a language model is asked about a text on which the tiers before are undecided, with the policy's own clauses
// that bear on it.
//
//   PLUMB_TRY(std::unique_ptr<LlmJudge> judge, OpenJudge({.target = "openai:gpt-5-mini"}, open));
//   Guard::Load("guard", policy, {.classifier = &encoder, .judge = judge.get()});
//
// Undecided is a text whose "unsafe" lies in [from, to] and that no pattern has stopped. The judge sees the clauses whose
// scores come nearest to their thresholds, and the text behind a mark that nobody could know when it was written (provider/
// fence.h). It answers one JSON object, as a schema has it: "violates" with a clause it was shown, which then acts as if a
// classifier had fired; "allowed", which takes back what classifiers (never what patterns) asked for; or "unsure", which leaves
// things as they were. What cannot be read is no answer. No answer within the time is a failed detector, and the policy's
// `on_error` decides. Of a text that is judged while it is written the judge is not asked.
//
// The guarantees of calibration are those of the tiers before; what a judge adds or takes back is not part of them.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/guard/guard.h"

namespace plumb::provider {
class Provider;
struct OpenOptions;
}

namespace plumb::guard {

struct JudgeQuestion {
  Direction direction = Direction::kInput;
  const Subject* subject = nullptr;
  std::vector<std::string> clauses;  // ids, the most likely first
};

struct JudgeOpinion {
  enum Says { kViolates, kAllowed, kUnsure } says = kUnsure;
  std::string clause;  // which, where it violates
  std::string reason;  // one sentence
};

struct JudgeSettings {
  std::string target;                      // target.h's; empty: no judge
  double from = 0.1, to = 0.9;             // of "unsafe"
  size_t clauses = 4;                      // shown of the policy
  std::chrono::milliseconds within{5000};  // for all texts of one check
  int64_t max_tokens = 200;
  bool operator==(const JudgeSettings&) const = default;
};

class LlmJudge {
 public:
  // `kind`: the provider's protocol; `nonce`: random, for the marks.
  LlmJudge(std::shared_ptr<provider::Provider> provider, std::string model, std::string kind, std::string nonce, JudgeSettings settings);
  ~LlmJudge();

  const JudgeSettings& settings() const { return settings_; }
  // One answer per question, in order. Safe from any thread but the provider's own.
  std::vector<Result<JudgeOpinion>> Ask(const policy::Policy& policy, std::span<const JudgeQuestion> questions) const;

 private:
  std::shared_ptr<provider::Provider> provider_;
  const std::string model_, kind_, nonce_;
  const JudgeSettings settings_;
};

// Errors: OpenTarget's; kInvalid where the settings contradict themselves.
Result<std::unique_ptr<LlmJudge>> OpenJudge(const JudgeSettings& settings, const provider::OpenOptions& open);

// What the judge is told, and the JSON Schema of its answer.
std::string JudgeTask(const policy::Policy& policy, Direction direction, const std::vector<std::string>& clauses);
std::string JudgeCase(std::string_view mark, const Subject& subject);
json::object OpinionSchema(const std::vector<std::string>& clauses);
// Error: kInvalid, saying why without repeating the output, which may quote the text: an opinion is never guessed.
Result<JudgeOpinion> ParseOpinion(std::string_view output, const std::vector<std::string>& clauses);

}  // namespace plumb::guard
