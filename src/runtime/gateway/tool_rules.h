// Whether the model may make a tool call: the policy's `tools` (docs/policy-reference.md).
//
//   const Origins origins(request.messages, request.extra);
//   for (const ToolFinding& found : CheckCall(policy.tools, "send_email", arguments, origins)) …
//
// Functions of their arguments; nothing here fails. What is found names arguments and rules, never values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/gateway/tool_rules_origin.h"

namespace plumb::gateway {

struct ToolFinding {
  std::string clause;  // "tools/send_email", "tools/deny", …
  policy::Action action = policy::Action::kBlock;
  std::string why;     // "argument 'to': a value that only a tool's text names"
};

// Every rule that fires on the call, strictest first. `arguments` is the text the model wrote.
std::vector<ToolFinding> CheckCall(const policy::Tools& tools, std::string_view name, std::string_view arguments,
                                   const Origins& origins);

// Where `value` does not fit `schema` (the part of JSON Schema that policies use): "'to' does not match …"; "" where it
// fits.
std::string Misfit(const json::value& value, const json::object& schema, const std::string& name);

}  // namespace plumb::gateway
