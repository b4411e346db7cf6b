// intent/policy: what is wanted, in one file that people and programs both read.
//
//   Policy      the written intent, loaded, checked and resolved; known by the SHA-256 of its canonical form
//   Clause      anything in it that can be kept or broken, under an id that never changes: a category ("violence"),
//               "principle/ID", "scope", "tone". Verdicts, cases, pairs, thresholds and cards all carry clause ids
//   Category    a clause about content: what breaks it, what only looks like it, what is done, how well it is caught
//   Example     one text under one clause, on one side of it, in one split for ever
//   Rule        what is decided without judgement: tool-call rules, limits of a prompt; clauses "tools/ID", "limits"
//   Overlay     a partial policy for a region, locale, domain or channel
//
//   Result<Policy> policy = LoadPolicy("policy.yaml");
//   if (!policy) return std::unexpected(policy.error());  // every fault of the file, each with file:line:column
//   for (const Example& example : Examples(*policy)) …
//   std::string prompt = RenderSystemPrompt(*policy, {.max_tokens = 600});
//
// Everything here is a function of its arguments (loading also reads files) and may be called from any thread. Errors:
// kNotFound for the policy file itself, kInvalid for what is in it. See also diff.h, coverage.h, selftest.h.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/core.h"

namespace plumb::policy {

// What is done about a violation, mildest first; the strictest of several wins.
enum class Action {
  kAllow,
  kFlag,        // recorded, passed
  kRedact,      // the spans a detector found are replaced
  kRewrite,     // the model is asked to say it otherwise
  kRedirect,    // answered with `say`, staying helpful
  kRefuse,      // our own polite answer with `say`
  kBlock,       // the protocol's content-filter error
  kQuarantine,  // tool results and documents: replaced by a notice
  kHold,        // waits for a person
};
// "allow", "flag", …
std::string_view ActionName(Action action);
std::optional<Action> ParseAction(std::string_view name);

enum class Severity { kLow, kMedium, kHigh, kCritical };
std::string_view SeverityName(Severity severity);

// What is done in each direction; kAllow where the policy says nothing.
struct On {
  Action input = Action::kAllow;
  Action output = Action::kAllow;
  Action tool_call = Action::kAllow;
  Action tool_result = Action::kAllow;
  Action document = Action::kAllow;

  // By name: "input", "output", "tool_call", "tool_result", "document".
  Action For(std::string_view direction) const;
  bool operator==(const On&) const = default;
};

struct Principle {
  std::string id;
  std::string text;
  std::vector<std::string> suites;  // what measures it
};

struct Scope {
  std::vector<std::string> in;   // requests that are welcome
  std::vector<std::string> out;  // requests that are not ours
  Action action = Action::kRedirect;
  std::vector<std::string> say;
};

// One prompt answered in the right tone and in the wrong one.
struct ToneExample {
  std::string prompt, good, bad;
};
struct Tone {
  std::string be;
  std::string avoid;  // `not:` in the file
  std::vector<ToneExample> examples;
};

// Held to, not guessed: `catch_rate` of violations is caught, with `confidence`.
struct Target {
  double catch_rate = 0.9;
  double confidence = 0.95;
};

// A pattern detector: one of DetectorNames(), or a regular expression (RE2 syntax) or a list of terms with a name.
struct Detector {
  std::string name;
  std::string regex;  // empty for a named detector
  std::string list;   // the file of `terms` (term_file.h), relative to Policy::folder
  std::shared_ptr<const std::vector<std::string>> terms = nullptr;  // its terms for this category; null where it is no list
};
// The detectors a policy may name in `detect:`.
const std::vector<std::string>& DetectorNames();

struct Category {
  std::string id;
  std::string about;
  std::map<std::string, std::vector<std::string>> maps;  // framework → its ids: {"mlcommons": {"S1"}}
  std::vector<std::string> violates;                     // written in the category itself; see Examples() for all
  std::vector<std::string> allows;
  Target target;
  std::vector<Detector> detect;
  On on;         // about a violation that a classifier or judge sees
  On on_detect;  // about the words a detector of `detect` finds; as `on` where the policy does not say
  Severity severity = Severity::kMedium;
  std::vector<std::string> risk;  // brand, legal, regulatory, safety
  std::vector<std::string> say;   // alternative wordings of one refusal
  std::string owner;              // the policy's owner where the category names none
  bool window_whole = false;      // `window: whole`: judged on the whole text, not by sentence or window
  bool restore = false;           // what is redacted on input is put back where the answer repeats its placeholder
};

// What `align` holds a model to.
struct ModelTargets {
  double refuse = 0.80;
  double over_refusal = 0.35;
  double capability_drop = 0.015;
};

struct Languages {
  std::vector<std::string> supported;
  Action on_unsupported = Action::kFlag;
};

// Another policy whose verdicts are recorded beside the one in force, and never enforced.
struct Shadow {
  std::string policy;  // file, relative to Policy::folder
  std::string guard;   // folder, the same; empty: the one beside that policy, else the one in force
};

// One way to answer in a split of traffic. What is empty stays as it is.
struct Arm {
  std::string name;
  double weight = 1;
  std::string policy;  // file, relative to Policy::folder
  std::string model;   // a public name of plumb.yaml
  std::string prompt;  // the system prompt's words
};
struct Experiment {
  std::string name;         // with the subject it decides the arm; a new name deals anew
  std::string by = "user";  // user | key | exchange
  std::vector<Arm> arms;    // none: no split
};

// The system prompt the gateway puts in front.
struct RoutePrompt {
  bool given = false;    // the route asks for it
  int clauses = 0;       // so many clauses that bear on the request are added
  int few_shots = 3;
  int tokens = 600;      // about, without the clauses
  bool canary = true;    // carries a random mark that the detector `canary` looks for
};

// Which traffic, with what at stake. The first route whose every `match` entry fits is taken.
struct Route {
  std::map<std::string, std::string> match;  // model, key, channel, region, locale, domain → pattern with '*'
  std::string mode = "enforce";              // enforce | observe | pass
  std::string stakes = "normal";             // low | normal | high
  std::string log = "full";                  // full | hashed | none
  std::string on_error = "block";            // block | allow | fallback: when a detector fails
  bool before_release = false;               // a person releases each answer
  std::string review_expires = "1d";         // how long an answer waits for a person
  double review_sample = 0;
  std::vector<std::string> always_review_if;
  std::vector<Shadow> shadow;
  Experiment split;
  RoutePrompt prompt;
};

// One rule about calls of the tools whose names fit `name`. Without a condition it fires on every one of them.
struct ToolRule {
  std::string id;    // its clause is "tools/ID"; the name where the file gives none
  std::string name;  // pattern with '*'
  json::object arguments;              // JSON Schema; fires where the arguments do not fit it
  std::vector<std::string> fields;     // the arguments that provenance is asked of; empty: all
  std::vector<std::string> not_from;   // tool, document: fires where a value was only seen there
  std::vector<std::string> only_from;  // user, system: fires where a value was not seen there
  Action action = Action::kBlock;
  std::vector<std::string> say;
};
struct Tools {
  std::vector<std::string> allow;  // patterns; empty: all
  std::vector<std::string> deny;
  Action action = Action::kBlock;  // about a tool that is denied or not allowed
  std::vector<ToolRule> rules;
  std::vector<std::string> say;
  bool empty() const { return allow.empty() && deny.empty() && rules.empty(); }
};

// How complex a prompt may be; nothing is asked where nothing is said.
struct Limits {
  std::optional<int64_t> tokens, messages, tools, depth, encodings;
  std::optional<double> repetition;
  Action action = Action::kBlock;
  std::vector<std::string> say;
  bool empty() const { return !tokens && !messages && !tools && !depth && !encodings && !repetition; }
};

// What an overlay asks of a request: region, locale, domain, channel → the values that fit.
using OverlayWhen = std::map<std::string, std::vector<std::string>>;

struct Escalation {
  std::map<std::string, std::string> when;  // clause, severity, direction, action, risk → value
  std::string open;                         // incident | review | finding
  std::string page;                         // a name in incidents.on_call or roles.people; may be empty
  std::string playbook;                     // a name in incidents.playbooks; may be empty
  std::string within;                       // a duration
};

struct Obligation {
  std::string id, applies, practice, evidence, review_every;
  std::vector<std::string> clauses;
};

struct Policy {
  std::string id;
  std::string version;
  std::string owner;
  std::string purpose;
  std::vector<Principle> principles;
  Scope scope;
  Tone tone;
  std::vector<std::string> say;  // the refusal of categories without one
  std::vector<Category> categories;
  ModelTargets model_targets;
  double false_alarm = 0.01;  // budget over all clauses together, on ordinary traffic
  Languages languages;
  std::vector<Route> routes;
  Tools tools;
  Limits limits;
  std::vector<Escalation> escalation;
  std::vector<Obligation> obligations;
  json::object incidents, roles, approved, cadence;  // as written, checked
  std::vector<std::string> example_files;            // as written; their rows are in `resolved`

  json::object resolved;  // the whole policy as JSON: what the hash is of
  std::string hash;       // SHA-256 of the RFC 8785 form of `resolved`, 64 hexadecimal digits
  std::string path;       // the file it came from
  std::string folder;     // what relative paths in it are taken from
  std::vector<OverlayWhen> overlays;  // of every overlay of the file, in force or not

  // nullptr where there is none.
  const Category* FindCategory(std::string_view clause_id) const;
};

// Where the policy is used; picks the overlays whose whole `when` fits.
struct LoadOptions {
  std::string region, locale, domain, channel;
};

// One fault: "policy.yaml:14:3" and what is wrong and would be right.
struct Problem {
  std::string where;
  std::string message;
  bool operator==(const Problem&) const = default;
};

// Reads, checks and resolves. Every fault is in the error's message, one on each line.
Result<Policy> LoadPolicy(const fs::path& path, const LoadOptions& options = {});
// The same from text; relative paths in it are taken from `folder`, `name` stands in errors.
Result<Policy> ParsePolicy(std::string_view text, std::string_view name, const fs::path& folder,
                           const LoadOptions& options = {});
// Every fault of the policy and of each of its overlays, in file order; empty where it is good. Error: kNotFound, kIo.
Result<std::vector<Problem>> CheckPolicy(const fs::path& path);

// Which overlays fit, as a key: "" where none does. Equal keys mean the same policy.
std::string FittingOverlays(const Policy& policy, const LoadOptions& options);
// The policy as each possible choice of its overlays makes it, by FittingOverlays' key, the plain one ("") included.
// Errors: LoadPolicy's; kUnsupported where there are more than 64 choices.
Result<std::map<std::string, Policy>> LoadOverlaid(const fs::path& path);

// Rules that are clauses without examples: "limits", "tools/allow", "tools/deny", "tools/ID"…, where the policy has them.
std::vector<std::string> RuleClauses(const Policy& policy);

// The clause ids, in the policy's order: "principle/ID"…, "scope", "tone", the categories' ids.
std::vector<std::string> ClauseIds(const Policy& policy);
// Rows of a policy's example files that belong to no category: everyday prompts.
inline constexpr std::string_view kOrdinary = "ordinary";

enum class Split { kTrain, kCalibration, kTest };
std::string_view SplitName(Split split);

struct Example {
  std::string text;
  std::string clause;  // a clause id, or "ordinary"
  bool violates = false;
  std::string kind;   // "plain", "homonym", …; empty where the policy does not say
  std::string group;  // near-duplicates and a request's look-alikes share one
  Split split = Split::kTrain;
  std::string prompt;  // where `text` is a response (tone): what it answers
};

// Every example: inline ones, scope (`out` violates, `in` does not), tone (`bad`, `good`), then the example files'.
// The split is by SHA-256 of the group: 60 % train, 20 % calibration, 20 % test. Texts that are near-duplicates of one
// another are put into one group first, so that no split sees another's text.
std::vector<Example> Examples(const Policy& policy);
// The example files' rows of another direction than input ("output": answers; "document", …). They are in no prompt and
// no pair: a guard's thresholds are set on them. A row's split is that of the examples of its group: an answer goes with
// what it answers.
std::vector<Example> ExamplesOf(const Policy& policy, std::string_view direction);
// The split of a group, by its name alone.
Split SplitOf(std::string_view group);

// A request and the answer the policy wants to it.
struct Shot {
  std::string request;
  std::string answer;
};
// At most `n`, from the training split only: the tone's good answers and refusals in the categories' own words, in turn,
// the gravest categories first.
std::vector<Shot> FewShots(const Policy& policy, int n);

struct RenderOptions {
  int max_tokens = 600;    // about; a small model follows a short prompt better
  int few_shots = 3;
  std::string language;    // the language to answer in, where not empty
};
// What the model is told, in the policy's own words. What matters most comes first and is kept where not everything fits.
std::string RenderSystemPrompt(const Policy& policy, const RenderOptions& options = {});
// About how many tokens a text is, for English prose and usual tokenizers.
int AboutTokens(std::string_view text);
// A few clauses in the policy's own words, for a request that they bear on; "" for none. Unknown ids are left out.
std::string RenderClauses(const Policy& policy, const std::vector<std::string>& clauses);
// The principles as numbered articles, for critique and revision.
std::string RenderConstitution(const Policy& policy);
// The rubric of an LLM judge; of one clause where `clause` is not empty.
std::string RenderJudge(const Policy& policy, std::string_view clause = {});
// A usage policy for the people who use the product; names no thresholds, examples or owners. Markdown.
std::string RenderPublic(const Policy& policy);

// One of the category's wordings, always the same one for the same key; a plain refusal where it has none.
std::string_view Say(const Category& category, std::string_view key);

// The JSON Schema of the file, for editors.
std::string_view PolicySchema();

}  // namespace plumb::policy
