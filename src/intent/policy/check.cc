#include "intent/policy/check.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <set>

#include "intent/policy/shape.h"

namespace plumb::policy {
namespace {

const std::vector<Node>& Items(const Node& node, std::string_view key) {
  static const std::vector<Node> none;
  const Node* list = node.Find(key);
  return list ? list->items : none;
}

std::vector<std::string> Keys(const Node* map) {
  std::vector<std::string> keys;
  if (map)
    for (const Entry& entry : map->entries) keys.push_back(entry.key);
  return keys;
}

bool Contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string Known(std::string_view name, const std::vector<std::string>& known) {
  if (auto near = NearestName(name, known)) return fmt::format(", did you mean '{}'?", *near);
  if (known.empty()) return "; none is defined";
  return known.size() <= 20 ? fmt::format("; known are {}", Join(known, ", ")) : "";
}

const Place& PlaceOf(const Node& node, std::string_view key) {
  const Node* child = node.Find(key);
  return child ? child->place : node.place;
}

std::optional<double> Number(const Node& node, std::string_view key) {
  const std::string_view text = node.TextOf(key);
  if (text.empty()) return std::nullopt;
  return std::strtod(std::string(text).c_str(), nullptr);
}

// ---- what must be there ----------------------------------------------------------------------------------------

void CheckComplete(const Node& policy, Problems& problems) {
  for (const json::value& key : Schema().at("then").at("required").as_array())
    if (!policy.Find(key.as_string()))
      AddProblem(problems, policy.place, "the policy needs '{}': {}", std::string_view(key.as_string()),
                 key == "principles" ? "what the system holds to, as {id, text}" :
                 key == "categories" ? "what it must not do, as {id, about, on}" :
                 std::string_view(TopLevelSchema(key.as_string())->at("description").as_string()));
  if (const Node* categories = policy.Find("categories"); categories && categories->kind == Node::kList && categories->items.empty())
    AddProblem(problems, categories->place, "'categories' is empty; a policy says at least one thing that is not wanted");
  for (const Node& principle : Items(policy, "principles"))
    if (!principle.Find("text"))
      AddProblem(problems, principle.place, "the principle '{}' needs 'text'", principle.TextOf("id"));
  for (const Node& category : Items(policy, "categories")) {
    if (!category.Find("about"))
      AddProblem(problems, category.place, "the category '{}' needs 'about': what it is, in a sentence", category.TextOf("id"));
    const Node* on = category.Find("on");
    if (!on || (on->kind == Node::kMap && on->entries.empty()))
      AddProblem(problems, on ? on->place : category.place,
                 "the category '{}' needs 'on': what is done, such as {{input: refuse, output: block}}", category.TextOf("id"));
  }
}

// ---- names -----------------------------------------------------------------------------------------------------

void CheckUnique(const Node& policy, std::string_view list, Problems& problems) {
  std::map<std::string, Place> seen;
  for (const Node& item : Items(policy, list)) {
    const std::string id(item.TextOf("id"));
    const auto [first, fresh] = seen.emplace(id, PlaceOf(item, "id"));
    if (!fresh)
      AddProblem(problems, PlaceOf(item, "id"), "the id '{}' stands twice in '{}', first at {}; ids are unique", id, list,
                 first->second.Text());
  }
}

std::vector<std::string> CategoryIds(const Node& policy) {
  std::vector<std::string> ids;
  for (const Node& category : Items(policy, "categories")) ids.emplace_back(category.TextOf("id"));
  return ids;
}

std::vector<std::string> AllClauses(const Node& policy) {
  std::vector<std::string> ids = CategoryIds(policy);
  for (const Node& principle : Items(policy, "principles")) ids.push_back(fmt::format("principle/{}", principle.TextOf("id")));
  if (policy.Find("scope")) ids.push_back("scope");
  if (policy.Find("tone")) ids.push_back("tone");
  return ids;
}

void CheckIds(const Node& policy, Problems& problems) {
  CheckUnique(policy, "principles", problems);
  CheckUnique(policy, "categories", problems);
  CheckUnique(policy, "obligations", problems);
  for (const Node& category : Items(policy, "categories"))
    for (std::string_view reserved : {"scope", "tone", "principle", "ordinary"})
      if (category.TextOf("id") == reserved)
        AddProblem(problems, PlaceOf(category, "id"), "'{}' is a clause of its own; give the category another id", reserved);
}

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

// ---- references ------------------------------------------------------------------------------------------------

struct Names {
  std::vector<std::string> people, on_call, playbooks, clauses;
};

Names NamesOf(const Node& policy) {
  const Node none;
  const Node* incidents = policy.Find("incidents");
  const Node* roles = policy.Find("roles");
  return {.people = Keys(roles ? roles->Find("people") : nullptr),
          .on_call = Keys(incidents ? incidents->Find("on_call") : nullptr),
          .playbooks = Keys(incidents ? incidents->Find("playbooks") : nullptr),
          .clauses = AllClauses(policy)};
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

void CheckReferences(const Node& policy, Problems& problems) {
  const Names names = NamesOf(policy);
  CheckEscalation(policy, names, problems);
  CheckPeople(policy, names, problems);
  for (const Node& obligation : Items(policy, "obligations"))
    for (const Node& clause : Items(obligation, "clauses"))
      if (!Contains(names.clauses, clause.text))
        AddProblem(problems, clause.place, "no clause is called '{}'{}", clause.text, Known(clause.text, names.clauses));
}

// ---- contradictions --------------------------------------------------------------------------------------------

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

void CheckActions(const Node& category, Problems& problems) {
  const bool detects = !Items(category, "detect").empty();
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
    const std::string name = detector.kind == Node::kMap ? std::string(detector.TextOf("regex")) : detector.text;
    if (!seen.insert(name).second) AddProblem(problems, detector.place, "'{}' stands twice in 'detect'", name);
    if (detector.kind != Node::kMap) continue;
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
  const auto refuse = Number(*model, "refuse"), over = Number(*model, "over_refusal");
  if (refuse && over && *over >= *refuse)
    AddProblem(problems, PlaceOf(*model, "over_refusal"),
               "over_refusal is {} and refuse is {}: a model that refuses at random would pass; over_refusal must be the smaller",
               model->TextOf("over_refusal"), model->TextOf("refuse"));
}

// ---- routes ----------------------------------------------------------------------------------------------------

// Whether every text that fits `later` fits `earlier`; '*' stands for any text. A '*' of `later` can only be matched by
// one of `earlier`, so matching its letters is enough.
bool Covers(std::string_view earlier, std::string_view later) {
  size_t i = 0, j = 0, star = std::string_view::npos, mark = 0;
  while (j < later.size()) {
    if (i < earlier.size() && earlier[i] == '*') {
      star = i++;
      mark = j;
    } else if (i < earlier.size() && earlier[i] == later[j]) {
      ++i, ++j;
    } else if (star != std::string_view::npos) {
      i = star + 1;
      j = ++mark;
    } else {
      return false;
    }
  }
  while (i < earlier.size() && earlier[i] == '*') ++i;
  return i == earlier.size();
}

bool RouteCovers(const Node& earlier, const Node& later) {
  for (const Entry& entry : earlier.entries) {
    const Node* other = later.Find(entry.key);
    if (!other ? entry.value.text != "*" : !Covers(entry.value.text, other->text)) return false;
  }
  return true;
}

void CheckRoute(const Node& route, Problems& problems) {
  const Node* review = route.Find("review");
  const bool held = review && review->TextOf("before_release") == "true";
  if (held && route.TextOf("mode") == "observe")
    AddProblem(problems, PlaceOf(*review, "before_release"), "'before_release' holds answers back, and 'mode: observe' holds nothing back; keep one");
  if (route.TextOf("log") == "none" && review)
    AddProblem(problems, PlaceOf(route, "log"), "'log: none' leaves nothing to review; log full or hashed, or leave 'review' out");
  if (route.TextOf("stakes") == "high" && !route.TextOf("log").empty() && route.TextOf("log") != "full")
    AddProblem(problems, PlaceOf(route, "log"), "high stakes are logged in full; this says 'log: {}'", route.TextOf("log"));
}

void CheckRoutes(const Node& policy, Problems& problems) {
  const std::vector<Node>& routes = Items(policy, "routes");
  for (size_t i = 0; i < routes.size(); ++i) {
    CheckRoute(routes[i], problems);
    for (size_t j = 0; j < i; ++j) {
      if (!RouteCovers(*routes[j].Find("match"), *routes[i].Find("match"))) continue;
      AddProblem(problems, routes[i].place, "this route is never reached: the one at {} takes all its traffic; put this one first",
                 routes[j].place.Text());
      break;
    }
  }
}

// ---- examples --------------------------------------------------------------------------------------------------

// One text is one example of a clause, on one side.
class ExampleBook {
 public:
  explicit ExampleBook(Problems& problems) : problems_(problems) {}
  void Add(std::string_view clause, std::string_view text, bool violates, const Place& place) {
    const std::string key = fmt::format("{}\n{}", clause, Lower(Trim(text)));
    const auto [first, fresh] = seen_.emplace(key, Seen{violates, place});
    if (fresh) return;
    const Seen& other = first->second;
    if (other.violates != violates) {
      AddProblem(problems_, place, "this example of '{}' both violates and is allowed (the other at {}); keep the one that is right", clause,
                 other.place.Text());
    } else {
      AddProblem(problems_, place, "this example of '{}' stands twice, first at {}; keep one", clause, other.place.Text());
    }
  }

 private:
  struct Seen {
    bool violates;
    Place place;
  };
  Problems& problems_;
  std::map<std::string, Seen> seen_;
};

void CheckExamples(const Node& policy, const std::vector<ExampleRow>& rows, Problems& problems) {
  ExampleBook book(problems);
  for (const Node& category : Items(policy, "categories"))
    for (std::string_view side : {"violates", "allows"})
      for (const Node& text : Items(category, side)) book.Add(category.TextOf("id"), text.text, side == "violates", text.place);
  if (const Node* scope = policy.Find("scope"))
    for (std::string_view side : {"out", "in"})
      for (const Node& text : Items(*scope, side)) book.Add("scope", text.text, side == "out", text.place);
  std::vector<std::string> clauses = AllClauses(policy);
  clauses.emplace_back(kOrdinary);
  for (const ExampleRow& row : rows) {
    const std::string_view clause = row.Text("clause");
    if (!Contains(clauses, clause)) {
      AddProblem(problems, row.place, "no clause is called '{}'{}", clause, Known(clause, clauses));
      continue;
    }
    if (clause == kOrdinary && row.violates())
      AddProblem(problems, row.place, "an ordinary prompt violates nothing; write 'allows', or the clause it violates");
    book.Add(clause, row.text(), row.violates(), row.place);
  }
}

}  // namespace

void CheckMeaning(const Node& policy, const std::vector<ExampleRow>& rows, Problems& problems) {
  CheckComplete(policy, problems);
  CheckIds(policy, problems);
  CheckMaps(policy, problems);
  CheckReferences(policy, problems);
  for (const Node& category : Items(policy, "categories")) {
    CheckActions(category, problems);
    CheckDetectors(category, problems);
  }
  CheckScope(policy, problems);
  CheckRates(policy, problems);
  CheckRoutes(policy, problems);
  CheckExamples(policy, rows, problems);
}

}  // namespace plumb::policy
