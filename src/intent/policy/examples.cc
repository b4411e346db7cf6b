// Every example of a policy, grouped and split once and for ever.
#include <map>

#include "intent/policy/policy.h"
#include "intent/policy/split.h"

namespace plumb::policy {
namespace {

Example Inline(std::string_view clause, std::string text, bool violates, std::string kind, std::string prompt = {}) {
  Example out{.text = std::move(text), .clause = std::string(clause), .violates = violates, .kind = std::move(kind)};
  out.prompt = std::move(prompt);
  return out;
}

std::string RowText(const json::object& row, std::string_view key) {
  const json::string* text = FindString(row, key);
  return text ? std::string(*text) : std::string();
}

void AddInline(const Policy& policy, std::vector<Example>& out) {
  for (const Category& category : policy.categories) {
    for (const std::string& text : category.violates) out.push_back(Inline(category.id, text, true, "plain"));
    for (const std::string& text : category.allows) out.push_back(Inline(category.id, text, false, "look-alike"));
  }
  for (const std::string& text : policy.scope.out) out.push_back(Inline("scope", text, true, "out-of-scope"));
  for (const std::string& text : policy.scope.in) out.push_back(Inline("scope", text, false, "in-scope"));
  for (const ToneExample& each : policy.tone.examples) {
    out.push_back(Inline("tone", each.bad, true, "tone", each.prompt));
    out.push_back(Inline("tone", each.good, false, "tone", each.prompt));
  }
}

constexpr std::string_view kInput = "input";

void AddRows(const Policy& policy, std::string_view direction, std::vector<Example>& out) {
  const json::array* rows = FindArray(policy.resolved, "examples");
  if (!rows) return;
  for (const json::value& value : *rows) {
    const json::object& row = value.as_object();
    const json::string* of = FindString(row, "direction");
    if (direction != (of ? std::string_view(*of) : kInput)) continue;
    const bool violates = row.contains("violates");
    Example example = Inline(RowText(row, "clause"), RowText(row, violates ? "violates" : "allows"), violates, RowText(row, "kind"),
                             RowText(row, "prompt"));
    example.group = RowText(row, "group");
    out.push_back(std::move(example));
  }
}

void NameGroup(Example& example) {
  if (example.group.empty()) example.group = "text-" + Sha256Hex(example.prompt.empty() ? example.text : example.prompt).substr(0, 16);
}

// Joins the groups whose texts are near-duplicates. A family of groups takes the first of their names in byte order, an
// example without a group the digest of its own text, so that the order of the file does not matter. Returns the name that
// each group goes by.
std::map<std::string, std::string> JoinGroups(std::vector<Example>& examples) {
  std::vector<std::string_view> texts;
  for (Example& each : examples) {
    NameGroup(each);
    texts.push_back(each.text);
  }
  const std::vector<size_t> heads = NearDuplicateFamilies(texts);
  std::map<std::string, std::string> leader;  // group → a group joined with it, itself where it leads
  for (const Example& each : examples) leader.emplace(each.group, each.group);
  auto find = [&](std::string group) {
    while (leader[group] != group) group = leader[group];
    return group;
  };
  for (size_t i = 0; i < examples.size(); ++i) {
    const std::string a = find(examples[i].group), b = find(examples[heads[i]].group);
    if (a != b) leader[std::max(a, b)] = std::min(a, b);
  }
  for (auto& [group, name] : leader) name = find(group);
  for (Example& each : examples) each.group = leader[each.group];
  return leader;
}

std::vector<Example> Inputs(const Policy& policy) {
  std::vector<Example> out;
  AddInline(policy, out);
  AddRows(policy, kInput, out);
  return out;
}

}  // namespace

Split SplitOf(std::string_view group) {
  const std::string digest = Sha256(group);
  uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(digest[i]);
  const uint32_t percent = number % 100;
  return percent < 60 ? Split::kTrain : percent < 80 ? Split::kCalibration : Split::kTest;
}

std::vector<Example> Examples(const Policy& policy) {
  std::vector<Example> out = Inputs(policy);
  JoinGroups(out);
  for (Example& each : out) each.split = SplitOf(each.group);
  return out;
}

std::vector<Example> ExamplesOf(const Policy& policy, std::string_view direction) {
  std::vector<Example> out;
  AddRows(policy, direction, out);
  if (out.empty()) return out;
  std::vector<Example> inputs = Inputs(policy);
  const auto names = JoinGroups(inputs);
  for (Example& each : out) {
    NameGroup(each);
    const auto name = names.find(each.group);
    if (name != names.end()) each.group = name->second;
    each.split = SplitOf(each.group);
  }
  return out;
}

}  // namespace plumb::policy
