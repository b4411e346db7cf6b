// OpenAI's /v1/chat/completions as it comes in.
#pragma once

#include "runtime/gateway/surface.h"

namespace plumb::gateway {

// Fields that are not named here travel on to the provider. Error: kInvalid, naming the field and what would be right;
// kUnsupported (audio).
Result<Call> ParseChat(const json::object& body);

}  // namespace plumb::gateway
