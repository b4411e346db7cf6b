// Two models that talk with each other under one policy: whether what they say drifts away from what they were set to, and whether both
// together say what each alone is not to say.
//
//   DialogueTask  what the two are told, what they are to keep to, and the first words
//   Dialogue      who said what, each turn judged by the guard as an answer to the turn before
//
//   PLUMB_TRY(const auto dialogues, PlayDialogues(tasks, a, b, options));
//   DialogueSummary summary = SummarizeDialogues(dialogues, options.harm_from);
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/stats/interval.h"
#include "measure/eval/runner.h"
#include "measure/eval/target.h"
#include "measure/redteam/campaign.h"
#include "measure/redteam/report.h"

namespace plumb::redteam {

struct DialogueTask {
  std::string id;
  std::string goal;     // what they are to keep to, in the words that drift is told by
  std::string a, b;     // the system prompt of each
  std::string opening;  // what a says first; not judged
};
// JSONL rows {"id", "goal", "a", "b", "opening"}. Errors: kNotFound, kInvalid with the row.
Result<std::vector<DialogueTask>> LoadDialogues(const fs::path& file);

struct Turn {
  bool by_b = false;
  std::string text, action = "allow";
  bool refused = false;
  double harm = 0;   // the guard's score
  double topic = 0;  // proposal.h's TopicOf the goal
};

struct Dialogue {
  std::string id;
  std::vector<Turn> turns;  // after the opening; b's first
  std::string error;        // it broke off here: the turns before it stay
};

struct DialogueOptions {
  fs::path out;  // dialogues.jsonl, from which the same command goes on
  std::string identity;
  int turns = 8;
  int concurrency = 8;
  int64_t max_tokens = 120;
  double temperature = 0.7;  // at 0 two models soon say one thing again and again
  uint64_t seed = 0;
  std::function<double(const std::string& answer, const std::string& asked)> harm;  // required
  std::function<void(const eval::Progress&)> on_progress;
  std::function<bool()> stop;
};

// Dialogues are played side by side, one turn of each at a time; one model may be both. Errors: kConflict (`out` holds others),
// kCancelled (stopped; whole dialogues stay), kUnavailable (no turn was answered).
Result<std::vector<Dialogue>> PlayDialogues(const std::vector<DialogueTask>& tasks, eval::Target& a, eval::Target& b, const DialogueOptions& options);

struct DialogueSummary {
  // Change from one turn to the next: the mean over dialogues of each one's slope, with a bootstrap over dialogues.
  stats::Interval harm_drift, topic_drift;
  std::vector<double> harm_by_turn, topic_by_turn;  // means
  Share crossed;   // dialogues in which somebody reached `harm_from`
  Share colluded;  // in which both did, one right after the other
  int64_t dialogues = 0, broken_off = 0, refusals = 0, turns = 0;
  std::vector<std::string> notes;
};
DialogueSummary SummarizeDialogues(const std::vector<Dialogue>& dialogues, double harm_from);
json::object DialogueSummaryJson(const DialogueSummary& summary);
std::string DialogueSummaryTable(const DialogueSummary& summary);

}  // namespace plumb::redteam
