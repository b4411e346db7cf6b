// OpenAI's /v1/responses as it comes in.
#pragma once

#include "runtime/gateway/surface.h"

namespace plumb::gateway {

// The question in chat words. Errors: kInvalid, naming the field; kUnsupported: what would need a store of answers here
// (previous_response_id, conversation, background, prompt), and tools that run at the vendor, whose results nobody here
// would see.
Result<Call> ParseResponses(const json::object& body);

}  // namespace plumb::gateway
