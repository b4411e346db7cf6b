#include "intent/policy/diff_rules.h"

#include <algorithm>

namespace plumb::policy {
namespace {

const std::vector<std::string> kStale = {"cases", "cards"};

std::string Listed(const std::vector<std::string>& names) { return names.empty() ? "none" : Join(names, ", "); }

void CompareTools(const Tools& old, const Tools& now, std::vector<Change>& changes) {
  if (old.allow != now.allow)
    changes.push_back({"tools/allow", fmt::format("the tools allowed are now {} (were {})", now.allow.empty() ? "all" : Listed(now.allow),
                                                  old.allow.empty() ? "all" : Listed(old.allow)), kStale});
  if (old.deny != now.deny)
    changes.push_back({"tools/deny", fmt::format("the tools denied are now {} (were {})", Listed(now.deny), Listed(old.deny)), kStale});
  if (old.action != now.action)
    changes.push_back({"tools/allow", fmt::format("calls of other tools now meet '{}' (was '{}'): {}", ActionName(now.action),
                                                  ActionName(old.action), now.action > old.action ? "stricter" : "milder"), kStale});
}

const ToolRule* Find(const Tools& tools, const std::string& id) {
  const auto found = std::ranges::find(tools.rules, id, &ToolRule::id);
  return found == tools.rules.end() ? nullptr : &*found;
}

void CompareToolRules(const Tools& old, const Tools& now, std::vector<Change>& changes) {
  for (const ToolRule& rule : old.rules)
    if (!Find(now, rule.id)) changes.push_back({"tools/" + rule.id, fmt::format("no longer a rule about {}: milder", rule.name), kStale});
  for (const ToolRule& rule : now.rules) {
    const ToolRule* was = Find(old, rule.id);
    const std::string clause = "tools/" + rule.id;
    if (!was) {
      changes.push_back({clause, fmt::format("a new rule about {}: {}", rule.name, ActionName(rule.action)), kStale});
      continue;
    }
    if (was->action != rule.action)
      changes.push_back({clause, fmt::format("now meets '{}' (was '{}'): {}", ActionName(rule.action), ActionName(was->action),
                                             rule.action > was->action ? "stricter" : "milder"), kStale});
    if (was->name != rule.name) changes.push_back({clause, fmt::format("is now about {} (was {})", rule.name, was->name), kStale});
    if (was->arguments != rule.arguments) changes.push_back({clause, "asks for other arguments", kStale});
    if (was->not_from != rule.not_from || was->only_from != rule.only_from || was->fields != rule.fields)
      changes.push_back({clause, "asks otherwise where values come from", kStale});
  }
}

template <class T>
void CompareLimit(const char* what, const std::optional<T>& old, const std::optional<T>& now, std::vector<Change>& changes) {
  if (old == now) return;
  const auto words = [](const std::optional<T>& limit) { return limit ? fmt::format("{}", *limit) : std::string("unlimited"); };
  const bool stricter = now && (!old || *now < *old);
  changes.push_back({"limits", fmt::format("{} of a prompt: at most {} (was {}): {}", what, words(now), words(old), stricter ? "stricter" : "milder"),
                     kStale});
}

void CompareLimits(const Limits& old, const Limits& now, std::vector<Change>& changes) {
  CompareLimit("tokens", old.tokens, now.tokens, changes);
  CompareLimit("messages", old.messages, now.messages, changes);
  CompareLimit("tools", old.tools, now.tools, changes);
  CompareLimit("nesting", old.depth, now.depth, changes);
  CompareLimit("nested encodings", old.encodings, now.encodings, changes);
  CompareLimit("repetition", old.repetition, now.repetition, changes);
  if (old.action != now.action)
    changes.push_back({"limits", fmt::format("now met with '{}' (was '{}')", ActionName(now.action), ActionName(old.action)), kStale});
}

}  // namespace

void CompareRules(const Policy& before, const Policy& after, std::vector<Change>& changes) {
  CompareTools(before.tools, after.tools, changes);
  CompareToolRules(before.tools, after.tools, changes);
  CompareLimits(before.limits, after.limits, changes);
}

}  // namespace plumb::policy
