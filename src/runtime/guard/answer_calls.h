// Tool calls of an answer: put together from their pieces, and judged as a whole.
#pragma once

#include <map>
#include <string>

#include "runtime/guard/guard.h"

namespace plumb::guard {

// One call in OpenAI's form: {"id","type","function": {"name","arguments"}}, or "custom" with "input".
class ToolCallBuilder {
 public:
  // Takes OpenAI's deltas; those without an "index" are calls of their own.
  void Add(const json::array& deltas);
  bool empty() const { return calls_.empty(); }
  std::map<int64_t, json::object>& calls() { return calls_; }
  const std::map<int64_t, json::object>& calls() const { return calls_; }

 private:
  std::map<int64_t, json::object> calls_;  // by index
};

// The strings that a reader of `arguments` sees: every key, string and number of the JSON text, in order. Nothing where
// it is not JSON.
Result<std::vector<std::string>> ArgumentStrings(std::string_view arguments);

// Judges a call by its name, its arguments as they stand and the strings in them. Where the action is to redact, the
// strings are redacted in place; where evidence is elsewhere (a name, a key, a number, what is no JSON) the verdict says
// block instead. `redacted` is set where something was replaced.
Verdict GuardToolCall(const Guard& guard, json::object& call, bool enforce, bool& redacted);

}  // namespace plumb::guard
