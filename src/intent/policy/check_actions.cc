#include <re2/re2.h>

#include <set>

#include "intent/policy/check_parts.h"

namespace plumb::policy {
namespace {

// Which actions make sense in a direction, and why another does not.
std::string ActionFault(std::string_view direction, std::string_view action) {
  const bool carried = direction == "tool_result" || direction == "document";
  if (carried && (action == "refuse" || action == "redirect" || action == "rewrite"))
    return "nobody would read the answer; use quarantine, redact, block, hold or flag";
  if (!carried && action == "quarantine") return "only tool results and documents can be replaced by a notice; use block or refuse";
  if (direction == "tool_call" && (action == "redirect" || action == "rewrite"))
    return "a tool call is let through or not; use block, refuse, redact, hold or flag";
  if (direction == "input" && action == "rewrite") return "only what the model wrote can be asked for again; use redact, redirect or refuse";
  return "";
}

void CheckCategory(const Node& category, Problems& problems) {
  const bool detects = !Items(category, "detect").empty();
  if (category.TextOf("restore") == "true") {
    const Node* on = category.Find("on_detect") ? category.Find("on_detect") : category.Find("on");
    if (!on || on->TextOf("input") != "redact")
      AddProblem(problems, PlaceOf(category, "restore"), "'restore' puts back what 'redact' took out of the input, and '{}' redacts nothing there; write on: {{input: redact}}",
                 category.TextOf("id"));
  }
  for (std::string_view key : {"on", "on_detect"}) {
    const Node* on = category.Find(key);
    if (!on) continue;
    if (key == "on_detect" && !detects)
      AddProblem(problems, on->place, "'on_detect' without 'detect' in '{}': nothing is looked for", category.TextOf("id"));
    for (const Entry& entry : on->entries) {
      const std::string fault = ActionFault(entry.key, entry.value.text);
      if (!fault.empty())
        AddProblem(problems, entry.value.place, "'{}' cannot be done to {}: {}", entry.value.text, entry.key, fault);
      if (key == "on" && entry.value.text == "redact" && !detects)
        AddProblem(problems, entry.value.place, "'redact' needs 'detect' in '{}': without a pattern nothing says which words to take out",
                   category.TextOf("id"));
    }
  }
}

void CheckDetectors(const Node& category, Problems& problems) {
  std::set<std::string> seen;
  for (const Node& detector : Items(category, "detect")) {
    const bool regular = detector.Find("regex") != nullptr, list = detector.Find("terms") != nullptr;
    if (detector.kind == Node::kMap && regular == list) {
      AddProblem(problems, detector.place, "an item of 'detect' needs 'regex' or 'terms'{}", list ? ", not both" : "");
      continue;
    }
    const std::string name(detector.kind != Node::kMap ? std::string_view(detector.text) : detector.TextOf(list ? "terms" : "regex"));
    if (!seen.insert(name).second) AddProblem(problems, detector.place, "'{}' stands twice in 'detect'", name);
    if (!regular) continue;
    const RE2 regex(std::string(detector.TextOf("regex")), RE2::Quiet);
    if (!regex.ok()) {
      AddProblem(problems, PlaceOf(detector, "regex"), "not a regular expression: {} (RE2 syntax: no look-around, no back-references)",
                 regex.error());
    } else if (RE2::FullMatch("", regex)) {
      AddProblem(problems, PlaceOf(detector, "regex"), "this regular expression matches empty text, so it would match everywhere");
    }
  }
}

void CheckScope(const Node& policy, Problems& problems) {
  const Node* scope = policy.Find("scope");
  if (!scope) return;
  const std::string_view action = scope->TextOf("action");
  if ((action == "redirect" || action.empty()) && !scope->Find("say"))
    AddProblem(problems, scope->place, "scope is answered with 'redirect', which needs 'say': the words of the answer");
  if (const std::string fault = action == "redact" ? "nothing says which words to take out; use redirect" : ActionFault("input", action);
      !fault.empty())
    AddProblem(problems, PlaceOf(*scope, "action"), "'{}' cannot be done to scope: {}", action, fault);
}

void CheckRates(const Node& policy, Problems& problems) {
  const Node* model = policy.Find("model");
  if (!model) return;
  const auto refuse = NumberOf(*model, "refuse"), over = NumberOf(*model, "over_refusal");
  if (refuse && over && *over >= *refuse)
    AddProblem(problems, PlaceOf(*model, "over_refusal"),
               "over_refusal is {} and refuse is {}: a model that refuses at random would pass; over_refusal must be the smaller",
               model->TextOf("over_refusal"), model->TextOf("refuse"));
}

}  // namespace

void CheckActions(const Node& policy, Problems& problems) {
  for (const Node& category : Items(policy, "categories")) {
    CheckCategory(category, problems);
    CheckDetectors(category, problems);
  }
  CheckScope(policy, problems);
  CheckRates(policy, problems);
}

}  // namespace plumb::policy
