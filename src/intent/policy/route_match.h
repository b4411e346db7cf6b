// Which of a policy's routes a request takes.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "intent/policy/policy.h"

namespace plumb::policy {

// Whether `pattern` with '*' covers `text`.
bool Covers(std::string_view pattern, std::string_view text);

// The first route whose every `match` fits; where none does, one that enforces. `attributes`: model, key, channel, region, …
const Route& RouteFor(const Policy& policy, const std::map<std::string, std::string>& attributes);

}  // namespace plumb::policy
