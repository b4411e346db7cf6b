// The items and the frame of OpenAI's responses.
#pragma once

#include <string>
#include <string_view>

#include "runtime/gateway/surface.h"

namespace plumb::gateway {

// The response object; `status`: in_progress, completed, incomplete, failed.
json::object ResponseFrame(const Head& head, const Call& call, std::string_view status);
json::object ResponseUsage(const provider::Usage& usage);
// "completed", or "incomplete" with its reason in `details`.
std::string_view ResponseStatus(std::string_view finish_reason, json::value& details);

// `logprobs`: OpenAI's of a chat, or null.
json::object TextPart(std::string_view text, const json::value& logprobs = nullptr);
// The list in them; both APIs write a token alike.
json::array TokenLogprobs(const json::value& logprobs);
json::object RefusalPart(std::string_view text);
json::object MessageItem(std::string_view id, std::string_view status, json::array parts);
json::object ReasoningItem(std::string_view id, std::string_view status, std::string_view text);
// `call` is OpenAI's chat tool call.
json::object FunctionItem(std::string_view id, std::string_view status, const json::object& call);

}  // namespace plumb::gateway
