// Anthropic's /v1/messages as it comes in.
#pragma once

#include "runtime/gateway/surface.h"

namespace plumb::gateway {

// The question in OpenAI chat words. What those words have no place for travels along under Anthropic's own names
// (cache_control, is_error, parts of type thinking): the Anthropic provider puts it back, others drop it. Errors: kInvalid,
// naming the field; kUnsupported (tools that run at the vendor, whose results nobody here would see).
Result<Call> ParseMessages(const json::object& body);

}  // namespace plumb::gateway
