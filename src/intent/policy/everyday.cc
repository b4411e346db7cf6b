#include "intent/policy/everyday.h"

#include <algorithm>
#include <set>
#include <string>

namespace plumb::policy {

bool StandsForEveryday(const Policy& policy, const Example& example) {
  if (example.clause != kOrdinary || example.kind == kTail) return false;
  const auto& claimed = policy.languages.supported;
  const bool english_alone = std::all_of(claimed.begin(), claimed.end(), [](const std::string& language) { return language == "en"; });
  return example.kind != kMultilingual || !english_alone;
}

std::vector<Example> OrdinaryExamples(const Policy& policy, Split split, bool everyday) {
  std::vector<Example> out;
  std::set<std::string> groups;
  for (Example& example : Examples(policy)) {
    if (example.clause != kOrdinary || example.split != split || !example.prompt.empty()) continue;
    if (StandsForEveryday(policy, example) == everyday && groups.insert(example.group).second) out.push_back(std::move(example));
  }
  return out;
}

}  // namespace plumb::policy
