// "Try a text": every tier's own answer beside the verdict they make together.
#pragma once

#include <string>

#include "runtime/guard/guard.h"

namespace plumb::gateway {

// The answer of POST /api/try. Every tier is asked, whether or not one before it had decided. `encoder` may be null.
json::object TryText(const guard::Guard& guard, guard::Classifier* encoder, guard::Direction direction, const std::string& text);

}  // namespace plumb::gateway
