// OpenAI's /v1/chat/completions as it comes in.
#pragma once

#include <string>

#include "base/core/core.h"
#include "runtime/provider/provider.h"

namespace plumb::gateway {

struct ChatCall {
  provider::ChatRequest request;
  bool stream = false;
  bool include_usage = false;
  std::string subject;  // the end user: safety_identifier, else user
};

// Fields that are not named here travel on to the provider. Error: kInvalid, naming the field and what would be right;
// kUnsupported (n other than 1, audio).
Result<ChatCall> ParseChat(const json::object& body);

// The text of the user's messages since the assistant last spoke, joined by line breaks.
std::string UserText(const json::array& messages);
// Where the messages since the assistant last spoke begin.
size_t NewMessages(const json::array& messages);

}  // namespace plumb::gateway
