#include "intent/policy/route_match.h"

#include <algorithm>

namespace plumb::policy {

bool Covers(std::string_view pattern, std::string_view text) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  if (rest.empty()) return true;
  for (size_t at = star; at <= text.size(); ++at) {
    if (Covers(rest, text.substr(at))) return true;
  }
  return false;
}

const Route& RouteFor(const Policy& policy, const std::map<std::string, std::string>& attributes) {
  static const Route enforcing;
  for (const Route& route : policy.routes) {
    const bool fits = std::ranges::all_of(route.match, [&](const auto& wanted) {
      const auto found = attributes.find(wanted.first);
      return Covers(wanted.second, found == attributes.end() ? "" : found->second);
    });
    if (fits) return route;
  }
  return enforcing;
}

}  // namespace plumb::policy
