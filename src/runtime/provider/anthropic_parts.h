// OpenAI's words in Anthropic's. Private to anthropic*.cc.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/provider/protocol.h"

namespace plumb::provider {

// Fills in "system" and "messages". Errors: kInvalid (a message without a role), kUnsupported (audio).
Status TranslateMessages(const json::array& messages, json::object& body);
// Fills in "tools" and "tool_choice" from the request's extra fields.
void TranslateTools(const json::object& extra, json::object& body);

// stop_reason → finish_reason
std::string FinishReason(std::string_view stop_reason);
json::object ToolCall(std::string_view id, std::string_view name, std::string_view arguments);
// Anthropic counts what it took from its cache and what it put there apart from the input; we count all of it as input.
Usage AnthropicUsage(const json::object& counts);

std::unique_ptr<StreamReader> AnthropicStreamReader();

}  // namespace plumb::provider
