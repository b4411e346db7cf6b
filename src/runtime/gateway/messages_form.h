// What Anthropic's APIs have in common: errors, usage, stop reasons.
#pragma once

#include <string_view>

#include "runtime/gateway/surface.h"

namespace plumb::gateway {

// Anthropic's error object.
json::value MessagesError(const Error& error);
// Anthropic counts what came from the prompt cache, and what went into it, beside the input.
json::object MessagesUsage(const provider::Usage& usage);
// From OpenAI's finish reason.
// `stop_sequence`: the one that ended it, where that is known.
std::string_view StopReason(std::string_view finish_reason, std::string_view stop_sequence);

}  // namespace plumb::gateway
