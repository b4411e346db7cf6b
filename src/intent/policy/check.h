// What the shape cannot tell: whether the parts of a policy fit one another.
#pragma once

#include "intent/policy/example_file.h"

namespace plumb::policy {

// Adds a problem for every missing part, dangling reference, contradiction and duplicate in the merged tree.
void CheckMeaning(const Node& policy, const std::vector<ExampleRow>& rows, Problems& problems);

}  // namespace plumb::policy
