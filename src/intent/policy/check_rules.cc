// Rules that are followed to the letter must be ones that can be followed.
#include <re2/re2.h>

#include <cmath>
#include <set>

#include "intent/policy/check_parts.h"

namespace plumb::policy {
namespace {

void CheckWhole(const Node& node, std::initializer_list<std::string_view> keys, Problems& problems) {
  for (std::string_view key : keys)
    if (const auto value = NumberOf(node, key); value && *value != std::floor(*value))
      AddProblem(problems, PlaceOf(node, key), "'{}' is {}: it must be a whole number", key, node.TextOf(key));
}

void CheckRange(const Node& schema, std::string_view least, std::string_view most, Problems& problems) {
  const auto low = NumberOf(schema, least), high = NumberOf(schema, most);
  if (low && high && *low > *high)
    AddProblem(problems, PlaceOf(schema, most), "'{}' is {} and '{}' is {}: nothing fits between them", least, schema.TextOf(least), most,
               schema.TextOf(most));
}

// A JSON Schema of arguments, and those inside it.
void CheckArguments(const Node& schema, Problems& problems) {
  if (const Node* pattern = schema.Find("pattern")) {
    const RE2 regex(pattern->text, RE2::Quiet);
    if (!regex.ok())
      AddProblem(problems, pattern->place, "not a regular expression: {} (RE2 syntax: no look-around, no back-references)", regex.error());
  }
  CheckRange(schema, "minimum", "maximum", problems);
  CheckRange(schema, "minLength", "maxLength", problems);
  CheckRange(schema, "minItems", "maxItems", problems);
  CheckWhole(schema, {"minLength", "maxLength", "minItems", "maxItems"}, problems);
  const Node* properties = schema.Find("properties");
  if (schema.TextOf("additionalProperties") == "false")
    for (const Node& name : Items(schema, "required"))
      if (!properties || !properties->Find(name.text))
        AddProblem(problems, name.place, "'{}' is required and not among 'properties', beside which nothing is allowed: no call would fit", name.text);
  if (properties)
    for (const Entry& entry : properties->entries) CheckArguments(entry.value, problems);
  if (const Node* items = schema.Find("items")) CheckArguments(*items, problems);
}

std::vector<const Node*> TextNodes(const Node& node, std::string_view key) {
  std::vector<const Node*> out;
  const Node* found = node.Find(key);
  if (found && found->kind == Node::kScalar) out.push_back(found);
  if (found)
    for (const Node& item : found->items) out.push_back(&item);
  return out;
}

std::string IdOf(const Node& rule) { return std::string(rule.Find("id") ? rule.TextOf("id") : rule.TextOf("name")); }

void CheckTools(const Node& tools, Problems& problems) {
  for (const Node* denied : TextNodes(tools, "deny"))
    for (const Node* allowed : TextNodes(tools, "allow"))
      if (denied->text == allowed->text) AddProblem(problems, denied->place, "the tool '{}' is both allowed and denied; keep one", denied->text);
  std::map<std::string, Place> seen;
  for (const Node& rule : Items(tools, "rules")) {
    const std::string id = IdOf(rule);
    const auto [first, fresh] = seen.emplace(id, rule.place);
    if (!fresh)
      AddProblem(problems, rule.place, "a tool rule is already called '{}', at {}; give one of them another 'id'", id, first->second.Text());
    if (id == "allow" || id == "deny") AddProblem(problems, rule.place, "'tools/{}' is a clause of its own; give the rule another id", id);
    if (rule.Find("fields") && !rule.Find("not_from") && !rule.Find("only_from"))
      AddProblem(problems, PlaceOf(rule, "fields"), "'fields' without 'not_from' or 'only_from' asks nothing of them");
    if (const Node* arguments = rule.Find("arguments")) CheckArguments(*arguments, problems);
  }
}

void CheckSplit(const Node& split, Problems& problems) {
  const std::vector<Node>& arms = Items(split, "arms");
  if (arms.size() < 2) AddProblem(problems, PlaceOf(split, "arms"), "a split needs at least two arms; one of them may change nothing");
  std::set<std::string> names;
  double sum = 0;
  for (const Node& arm : arms) {
    if (!names.insert(std::string(arm.TextOf("name"))).second)
      AddProblem(problems, PlaceOf(arm, "name"), "the arm '{}' stands twice", arm.TextOf("name"));
    sum += NumberOf(arm, "weight").value_or(1);
  }
  if (!arms.empty() && sum <= 0) AddProblem(problems, PlaceOf(split, "arms"), "every arm has the weight 0, so that none is ever taken");
}

}  // namespace

void CheckRules(const Node& policy, Problems& problems) {
  if (const Node* tools = policy.Find("tools")) CheckTools(*tools, problems);
  if (const Node* limits = policy.Find("limits"))
    CheckWhole(*limits, {"tokens", "messages", "tools", "depth", "encodings"}, problems);
  for (const Node& route : Items(policy, "routes")) {
    if (const Node* split = route.Find("split")) CheckSplit(*split, problems);
    if (const Node* prompt = route.Find("prompt")) CheckWhole(*prompt, {"clauses", "few_shots", "tokens"}, problems);
  }
}

std::vector<std::string> RuleClauseNames(const Node& policy) {
  std::vector<std::string> out;
  if (policy.Find("limits")) out.emplace_back("limits");
  const Node* tools = policy.Find("tools");
  if (!tools) return out;
  for (const char* list : {"allow", "deny"})
    if (tools->Find(list)) out.push_back(fmt::format("tools/{}", list));
  for (const Node& rule : Items(*tools, "rules")) out.push_back("tools/" + IdOf(rule));
  return out;
}

}  // namespace plumb::policy
