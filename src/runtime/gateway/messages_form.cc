#include "runtime/gateway/messages_form.h"

namespace plumb::gateway {
namespace {

std::string_view ErrorType(Code code) {
  switch (code) {
    case Code::kInvalid: case Code::kUnsupported: case Code::kConflict: return "invalid_request_error";
    case Code::kPermission: return "authentication_error";
    case Code::kNotFound: return "not_found_error";
    case Code::kExhausted: return "rate_limit_error";
    case Code::kUnavailable: return "overloaded_error";
    case Code::kDeadline: return "timeout_error";
    default: return "api_error";
  }
}

}  // namespace

json::value MessagesError(const Error& error) {
  return {{"type", "error"}, {"error", {{"type", ErrorType(error.code)}, {"message", error.message}}}};
}

json::object MessagesUsage(const provider::Usage& usage) {
  return {{"input_tokens", usage.input_tokens - usage.cached_input_tokens - usage.cache_creation_input_tokens},
          {"cache_creation_input_tokens", usage.cache_creation_input_tokens},
          {"cache_read_input_tokens", usage.cached_input_tokens},
          {"output_tokens", usage.output_tokens}};
}

std::string_view StopReason(std::string_view finish_reason, std::string_view stop_sequence) {
  if (finish_reason == "stop" && !stop_sequence.empty()) return "stop_sequence";
  if (finish_reason == "length") return "max_tokens";
  if (finish_reason == "tool_calls") return "tool_use";
  if (finish_reason == "content_filter") return "refusal";
  return "end_turn";
}

}  // namespace plumb::gateway
