// What the flow reads and replaces in OpenAI's "messages".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/core.h"

namespace plumb::gateway {

// "" where the message has none.
std::string_view RoleOf(const json::value& message);
std::string MessageText(const json::value& message);
// Every text of a message's content: the content itself, or the text of its parts.
std::vector<json::string*> Texts(json::value& message);
// Replaces the content by `text`.
void SetText(json::value& message, std::string_view text);

// Where the messages since the assistant last spoke begin. What stands at the end in the assistant's name, for the model
// to go on from, is the caller's doing and belongs to them.
size_t NewMessages(const json::array& messages);
// Of those, the messages that are judged as input: the user's, and words put into the assistant's mouth.
bool IsInput(const json::value& message);
// The text of these, joined by line breaks.
std::string UserText(const json::array& messages);

// How many code points a text has.
size_t Characters(std::string_view text);

}  // namespace plumb::gateway
