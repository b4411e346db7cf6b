#include "intent/policy/check_parts.h"

#include <algorithm>

namespace plumb::policy {

const std::vector<Node>& Items(const Node& node, std::string_view key) {
  static const std::vector<Node> none;
  const Node* list = node.Find(key);
  return list ? list->items : none;
}

const Place& PlaceOf(const Node& node, std::string_view key) {
  const Node* child = node.Find(key);
  return child ? child->place : node.place;
}

std::optional<double> NumberOf(const Node& node, std::string_view key) {
  const std::string_view text = node.TextOf(key);
  if (text.empty()) return std::nullopt;
  return std::strtod(std::string(text).c_str(), nullptr);
}

bool Contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string Known(std::string_view name, const std::vector<std::string>& known) {
  if (auto near = NearestName(name, known)) return fmt::format(", did you mean '{}'?", *near);
  if (known.empty()) return "; none is defined";
  return known.size() <= 20 ? fmt::format("; known are {}", Join(known, ", ")) : "";
}

std::vector<std::string> AllClauses(const Node& policy) {
  std::vector<std::string> ids;
  for (const Node& category : Items(policy, "categories")) ids.emplace_back(category.TextOf("id"));
  for (const Node& principle : Items(policy, "principles")) ids.push_back(fmt::format("principle/{}", principle.TextOf("id")));
  if (policy.Find("scope")) ids.push_back("scope");
  if (policy.Find("tone")) ids.push_back("tone");
  return ids;
}

}  // namespace plumb::policy
