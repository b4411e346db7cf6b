#include <re2/re2.h>

#include <set>

#include "intent/policy/check_parts.h"

namespace plumb::policy {
namespace {

// The names an outside framework has; empty where any name will do.
const std::vector<std::string>& FrameworkIds(std::string_view framework) {
  static const std::vector<std::string> openai = {
      "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
      "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic"};
  static const std::vector<std::string> mlcommons = {"S1", "S2", "S3", "S4", "S5", "S6", "S7",
                                                     "S8", "S9", "S10", "S11", "S12", "S13", "S14"};
  static const std::vector<std::string> owasp = {"LLM01", "LLM02", "LLM03", "LLM04", "LLM05",
                                                 "LLM06", "LLM07", "LLM08", "LLM09", "LLM10"};
  static const std::vector<std::string> any;
  return framework == "openai" ? openai : framework == "mlcommons" ? mlcommons : framework == "owasp" ? owasp : any;
}

void CheckMapName(std::string_view framework, const Node& name, Problems& problems) {
  const auto& known = FrameworkIds(framework);
  if (name.kind != Node::kScalar) return;
  static const RE2 atlas("^AML\\.T[0-9]{4}(\\.[0-9]{3})?$");
  if (!known.empty() && !Contains(known, name.text))
    AddProblem(problems, name.place, "{} has no '{}'{}", framework, name.text, Known(name.text, known));
  if (framework == "atlas" && !RE2::FullMatch(name.text, atlas))
    AddProblem(problems, name.place, "'{}' is no ATLAS technique; they read AML.T0051 or AML.T0051.000", name.text);
}

void CheckMaps(const Node& policy, Problems& problems) {
  for (const Node& category : Items(policy, "categories")) {
    const Node* maps = category.Find("maps");
    if (!maps) continue;
    for (const Entry& entry : maps->entries) {
      CheckMapName(entry.key, entry.value, problems);
      for (const Node& item : entry.value.items) CheckMapName(entry.key, item, problems);
    }
  }
}

std::vector<std::string> Keys(const Node* map) {
  std::vector<std::string> keys;
  if (map)
    for (const Entry& entry : map->entries) keys.push_back(entry.key);
  return keys;
}

struct Names {
  std::vector<std::string> people, on_call, playbooks, clauses;
};

Names NamesOf(const Node& policy) {
  const Node* incidents = policy.Find("incidents");
  const Node* roles = policy.Find("roles");
  std::vector<std::string> clauses = AllClauses(policy);
  for (std::string& each : RuleClauseNames(policy)) clauses.push_back(std::move(each));
  return {.people = Keys(roles ? roles->Find("people") : nullptr),
          .on_call = Keys(incidents ? incidents->Find("on_call") : nullptr),
          .playbooks = Keys(incidents ? incidents->Find("playbooks") : nullptr),
          .clauses = std::move(clauses)};
}

void CheckEscalation(const Node& policy, const Names& names, Problems& problems) {
  std::set<std::string> severities;
  for (const Node& category : Items(policy, "categories"))
    severities.insert(category.Find("severity") ? std::string(category.TextOf("severity")) : "medium");
  std::vector<std::string> pageable = names.on_call;
  pageable.insert(pageable.end(), names.people.begin(), names.people.end());
  for (const Node& rule : Items(policy, "escalation")) {
    const Node* when = rule.Find("when");
    const std::string_view clause = when->TextOf("clause"), severity = when->TextOf("severity");
    if (!clause.empty() && !Contains(names.clauses, clause))
      AddProblem(problems, PlaceOf(*when, "clause"), "no clause is called '{}'{}", clause, Known(clause, names.clauses));
    if (!severity.empty() && !severities.contains(std::string(severity)))
      AddProblem(problems, PlaceOf(*when, "severity"), "no category has the severity '{}', so this never happens", severity);
    const std::string_view page = rule.TextOf("page"), playbook = rule.TextOf("playbook");
    if (!page.empty() && !Contains(pageable, page))
      AddProblem(problems, PlaceOf(rule, "page"), "nobody is called '{}' in incidents.on_call or roles.people{}", page,
                 Known(page, pageable));
    if (!playbook.empty() && !Contains(names.playbooks, playbook))
      AddProblem(problems, PlaceOf(rule, "playbook"), "incidents.playbooks has no '{}'{}", playbook,
                 Known(playbook, names.playbooks));
  }
}

void CheckPerson(const Node& name, const Names& names, std::string_view where, Problems& problems) {
  if (name.kind == Node::kScalar && name.text.find('@') == std::string::npos && !Contains(names.people, name.text))
    AddProblem(problems, name.place, "{} names '{}', who is not in roles.people{}", where, name.text, Known(name.text, names.people));
  for (const Node& item : name.items) CheckPerson(item, names, where, problems);
}

void CheckPeople(const Node& policy, const Names& names, Problems& problems) {
  if (const Node* incidents = policy.Find("incidents")) {
    if (const Node* on_call = incidents->Find("on_call"))
      for (const Entry& entry : on_call->entries) CheckPerson(entry.value, names, fmt::format("on_call.{}", entry.key), problems);
    if (const Node* playbooks = incidents->Find("playbooks"))
      for (const Entry& entry : playbooks->entries)
        if (const Node* notify = entry.value.Find("notify"))
          CheckPerson(*notify, names, fmt::format("the playbook '{}'", entry.key), problems);
  }
  const Node* roles = policy.Find("roles");
  const Node* raci = roles ? roles->Find("raci") : nullptr;
  if (!raci) return;
  for (const Entry& activity : raci->entries)
    for (const Entry& part : activity.value.entries)
      CheckPerson(part.value, names, fmt::format("raci.{}", activity.key), problems);
}

}  // namespace

void CheckReferences(const Node& policy, Problems& problems) {
  const Names names = NamesOf(policy);
  CheckMaps(policy, problems);
  CheckEscalation(policy, names, problems);
  CheckPeople(policy, names, problems);
  for (const Node& obligation : Items(policy, "obligations"))
    for (const Node& clause : Items(obligation, "clauses"))
      if (!Contains(names.clauses, clause.text))
        AddProblem(problems, clause.place, "no clause is called '{}'{}", clause.text, Known(clause.text, names.clauses));
}

}  // namespace plumb::policy
