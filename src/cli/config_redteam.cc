#include "cli/config_redteam.h"

#include <algorithm>

namespace plumb::cli {
namespace {

void ReadSchedule(const Node& node, Reader& reader, redteam::Schedule& out) {
  if (!reader.Map(node, "a red team's schedule", {"name", "every", "before", "on", "target", "goals", "attacks", "budget", "guarded"})) return;
  for (const auto& [key, field] : {std::pair{"name", &redteam::Schedule::name}, std::pair{"target", &redteam::Schedule::target}, std::pair{"goals", &redteam::Schedule::goals}}) {
    const Node* value = node.Find(key);
    if (value) out.*field = reader.Text(*value, key);
    if ((out.*field).empty()) reader.Wrong(value ? *value : node, "a red team's schedule needs a {}", key);
  }
  if (const Node* every = node.Find("every")) out.every = reader.Duration(*every, "every");
  if (const Node* before = node.Find("before")) out.before_release = reader.OneOf(*before, "before", {"release"}) == "release";
  if (const Node* on = node.Find("on")) out.on_policy_change = reader.OneOf(*on, "on", {"policy-change"}) == "policy-change";
  if (!out.every && !out.before_release && !out.on_policy_change) reader.Wrong(node, "when is '{}' to be run? every: 7d, before: release or on: policy-change", out.name);
  if (const Node* attacks = node.Find("attacks")) out.attacks = reader.Text(*attacks, "attacks");
  if (const Node* budget = node.Find("budget")) out.budget = reader.Whole(*budget, "budget", 1, 100'000);
  if (const Node* guarded = node.Find("guarded")) out.guarded = reader.Switch(*guarded, "guarded");
}

}  // namespace

void ReadSchedules(const Node& node, Reader& reader, std::vector<redteam::Schedule>& schedules) {
  if (node.kind != Node::kList) return reader.Wrong(node, "redteam must be a list of {{name, every | before | on, target, goals}}");
  for (const Node& item : node.items) {
    redteam::Schedule one;
    ReadSchedule(item, reader, one);
    if (std::ranges::find(schedules, one.name, &redteam::Schedule::name) != schedules.end()) reader.Wrong(item, "two schedules are called '{}'", one.name);
    schedules.push_back(std::move(one));
  }
}

}  // namespace plumb::cli
