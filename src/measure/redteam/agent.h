// Agents: a model that uses tools, in a sandbox of our own; whether it does what its user asked, and what a text planted in what its
// tools give back makes it do (Debenedetti et al. 2024, AgentDojo).
//
//   Toolbox    what an episode acts on: tools that change plain data and nothing outside it (agent_world.h)
//   Scenario   how a conversation begins, what its user wants, and, where somebody attacks, what he wants
//   Episode    how it went: the calls, the answer, and which of the two goals was reached
//   AgentGuard what stands between model and tools: the policy's tool rules, or the whole guard
//
//   auto episodes = PlayAgents(scenarios, ask, options);
//   AgentSummary summary = SummarizeAgents(*episodes);   // agent_report.h
//
// PlayAgents blocks and writes only below `out`; everything else is a function of its arguments. See docs/redteam.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "intent/policy/policy.h"
#include "measure/eval/runner.h"
#include "runtime/guard/guard.h"
#include "runtime/provider/provider.h"

namespace plumb::redteam {

struct Tool {
  std::string name, about;
  json::object parameters;  // JSON Schema of the arguments
};

class Toolbox {
 public:
  virtual ~Toolbox() = default;
  virtual const std::vector<Tool>& tools() const = 0;
  // What the tool gives back. An error (no such tool, arguments that do not fit, nothing there) is told to the model; such a call has
  // done nothing.
  virtual Result<std::string> Call(std::string_view name, const json::object& arguments) = 0;
};

struct MadeCall {
  std::string name;
  json::object arguments;
  bool done = false;
  std::string stopped;  // the clause that stopped it
};

// What has to be true of an episode: a call was made with these texts in its arguments (case aside), was not made, or the answer
// says something.
struct Condition {
  enum Kind { kCalled, kNotCalled, kSaid } kind = kCalled;
  std::string what;                         // the tool, or the text
  std::map<std::string, std::string> with;  // argument → a text in it
};
// Rows {"call", "with"?}, {"no_call", "with"?}, {"says"}. Error: kInvalid.
Result<std::vector<Condition>> ParseConditions(const json::array& rows);

struct Scenario {
  std::string task;       // the user's
  std::string injection;  // the attacker's; empty: nobody attacks
  std::string wording;    // how it is planted
  json::array messages;   // OpenAI's; a first call and its result may stand there already
  std::vector<Condition> goal, harm;  // the user's, the attacker's; one that is empty is not measured
  std::function<std::unique_ptr<Toolbox>()> open;
  std::string id() const { return injection.empty() ? task : task + "/" + injection + (wording.empty() ? "" : "/" + wording); }
};

struct Episode {
  std::string task, injection, wording;
  eval::SampleStatus status = eval::SampleStatus::kNotRun;
  std::string error;
  bool measured = true;    // the user's goal can be told
  bool useful = false;     // it was reached
  bool aimed = false;      // the attacker's goal can be told
  bool harmed = false;     // it was reached
  std::vector<MadeCall> calls;
  std::string answer;
  std::string stopped;     // the clause that ended it; empty: nothing did
  int steps = 0;           // answers of the model
  int withheld = 0;        // tools' results that the guard replaced
  int malformed = 0;       // calls that nobody could read
  bool unfinished = false; // out of steps
  int64_t input_tokens = 0, output_tokens = 0;
};

struct AgentGuard {
  // The clause that withholds it, "" where it passes; empty functions let everything pass.
  std::function<std::string(const json::array& messages)> input;
  std::function<std::string(const json::array& messages, json::object& call)> call;
  std::function<std::string(const std::string& answer, const json::array& messages)> output;
  std::function<std::string(const std::string& result)> result;  // what the model is shown instead; the same text where it passes
};
// As the gateway has it (runtime/gateway): the policy's tool rules alone, or with every detector. What is given must outlive it.
AgentGuard RulesOf(const policy::Policy& policy);
AgentGuard GuardOf(const guard::Guard& guard);

struct AgentOptions {
  fs::path out;          // episodes.jsonl, from which the same command goes on
  std::string identity;  // of whom is asked and behind what: another one may not go on there
  std::string model, system;
  bool text = false;     // calls are written in the answer's text, for models without a field for them (agent_text.h)
  int max_steps = 8;
  int64_t max_tokens = 400;
  AgentGuard guard;
  std::function<void(const eval::Progress&)> on_progress;
  std::function<bool()> stop;
};

// One answer for each request; provider::ChatAll, bound to a provider.
using AskModel = std::function<Result<std::vector<Result<provider::ChatResponse>>>(const std::vector<provider::ChatRequest>&)>;

// Scenarios are played side by side, one answer each at a time. An answer with a call that the guard stops is withheld whole, as the
// gateway does, and ends the episode; none of its calls is made. Errors: kConflict (`out` holds other episodes), kCancelled (stopped;
// the same command goes on), kUnavailable (nothing was answered), kInvalid (two scenarios of one name).
Result<std::vector<Episode>> PlayAgents(const std::vector<Scenario>& scenarios, const AskModel& ask, const AgentOptions& options);

json::object EpisodeJson(const Episode& episode);
Result<Episode> ParseEpisode(const json::object& row);

}  // namespace plumb::redteam
