#include "intent/policy/everyday.h"

#include <algorithm>

namespace plumb::policy {

bool StandsForEveryday(const Policy& policy, const Example& example) {
  if (example.clause != kOrdinary || example.kind == kTail) return false;
  const auto& claimed = policy.languages.supported;
  const bool english_alone = std::all_of(claimed.begin(), claimed.end(), [](const std::string& language) { return language == "en"; });
  return example.kind != kMultilingual || !english_alone;
}

}  // namespace plumb::policy
