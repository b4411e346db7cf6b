#include "intent/policy/policy.h"

#include <algorithm>
#include <array>

#include "intent/policy/shape.h"

namespace plumb::policy {
namespace {

constexpr std::array<std::string_view, 9> kActionNames = {"allow",  "flag",  "redact",     "rewrite", "redirect",
                                                          "refuse", "block", "quarantine", "hold"};
constexpr std::array<std::string_view, 4> kSeverityNames = {"low", "medium", "high", "critical"};
constexpr std::array<std::string_view, 3> kSplitNames = {"train", "calibration", "test"};

}  // namespace

std::string_view ActionName(Action action) { return kActionNames[static_cast<size_t>(action)]; }

std::optional<Action> ParseAction(std::string_view name) {
  const auto found = std::find(kActionNames.begin(), kActionNames.end(), name);
  if (found == kActionNames.end()) return std::nullopt;
  return static_cast<Action>(found - kActionNames.begin());
}

std::string_view SeverityName(Severity severity) { return kSeverityNames[static_cast<size_t>(severity)]; }
std::string_view SplitName(Split split) { return kSplitNames[static_cast<size_t>(split)]; }

Action On::For(std::string_view direction) const {
  if (direction == "input") return input;
  if (direction == "output") return output;
  if (direction == "tool_call") return tool_call;
  if (direction == "tool_result") return tool_result;
  if (direction == "document") return document;
  return Action::kAllow;
}

const std::vector<std::string>& DetectorNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    const json::value& detect = Schema().at("$defs").at("category").at("properties").at("detect");
    for (const json::value& name : detect.at("items").at("anyOf").at(0).at("enum").as_array()) out.emplace_back(name.as_string());
    return out;
  }();
  return names;
}

const Category* Policy::FindCategory(std::string_view clause_id) const {
  for (const Category& category : categories)
    if (category.id == clause_id) return &category;
  return nullptr;
}

std::vector<std::string> ClauseIds(const Policy& policy) {
  std::vector<std::string> ids;
  for (const Principle& principle : policy.principles) ids.push_back("principle/" + principle.id);
  if (policy.resolved.contains("scope")) ids.emplace_back("scope");
  if (policy.resolved.contains("tone")) ids.emplace_back("tone");
  for (const Category& category : policy.categories) ids.push_back(category.id);
  return ids;
}

std::string_view Say(const Category& category, std::string_view key) {
  if (category.say.empty()) return "I can't help with that, but I'm glad to help with something else.";
  const std::string digest = Sha256(fmt::format("{}\n{}", category.id, key));
  return category.say[static_cast<unsigned char>(digest[0]) % category.say.size()];
}

}  // namespace plumb::policy
