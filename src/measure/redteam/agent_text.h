// Tools for models that have no field for them: calls and results stand in the text, in the form that open models are taught
// (Nous Research's Hermes):
//
//   <tool_call>
//   {"name": "send_email", "arguments": {"to": "…"}}
//   </tool_call>
#pragma once

#include <string>
#include <vector>

#include "measure/redteam/agent.h"

namespace plumb::redteam {

// The conversation as such a model reads it: the tools in the system message, calls in the assistant's text, results as the user's.
json::array AsText(const json::array& messages, const std::vector<Tool>& tools);

struct CallsInText {
  json::array calls;  // OpenAI's tool_calls
  std::string text;   // what was said before the first
  int malformed = 0;  // marked as a call, and no JSON with a name
};
// Calls between the marks, or, where there are none, the first JSON object that has "name" and "arguments".
CallsInText ReadCalls(std::string_view answer);

}  // namespace plumb::redteam
