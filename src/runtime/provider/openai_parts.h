// What OpenAI's whole and streamed answers have in common. Private to openai.cc and openai_stream.cc.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/provider/protocol.h"

namespace plumb::provider {

// `hidden_reasoning`: completion_tokens leaves reasoning out (presets.h).
Usage OpenAiUsage(const json::object& answer, bool hidden_reasoning);
// The reasoning of models that show it goes by two names.
std::string ReasoningOf(const json::object& message);
// The stop sequence that ended a choice, where a server names it: vLLM as "stop_reason", SGLang as "matched_stop". OpenAI
// itself does not.
std::string StopOf(const json::object& choice);
// As chats have them, whatever form the vendor chose.
json::value LogprobsOf(const json::object& choice);
const json::array& ChoicesOf(const json::object& answer);
// The first answer is the response itself, the others follow it.
void PutChoices(std::vector<Choice> all, ChatResponse& response);

// openai_messages.cc
// Whether a field of a question is Anthropic's alone.
bool OnlyAnthropics(std::string_view field);
// Takes what is Anthropic's alone out of a message, or a tool.
void DropAnthropics(json::object& message);

// Reads a stream of `expected` answers.
std::unique_ptr<StreamReader> OpenAiStreamReader(size_t expected, bool hidden_reasoning);

}  // namespace plumb::provider
