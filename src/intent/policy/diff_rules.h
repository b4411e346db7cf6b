// What changed in the rules: tools and limits.
#pragma once

#include "intent/policy/diff.h"

namespace plumb::policy {

void CompareRules(const Policy& before, const Policy& after, std::vector<Change>& changes);

}  // namespace plumb::policy
