// Log-probabilities as chats have them and as completions have them.
#include "runtime/provider/openai_parts.h"

namespace plumb::provider {
namespace {

// One token of a chat: its bytes are those of `token`, where it is whole characters.
json::object ChatToken(const json::value& token, const json::value* logprob) {
  return {{"token", token}, {"logprob", logprob ? *logprob : json::value()}, {"bytes", nullptr}};
}

// {"tokens":[…],"token_logprobs":[…],"top_logprobs":[{token: logprob},…]} → {"content":[…]}
json::value OfCompletion(const json::object& given, const json::array& tokens) {
  const json::array* logprobs = FindArray(given, "token_logprobs");
  const json::array* top = FindArray(given, "top_logprobs");
  json::array content;
  for (size_t i = 0; i < tokens.size(); ++i) {
    json::object one = ChatToken(tokens[i], logprobs && i < logprobs->size() ? &(*logprobs)[i] : nullptr);
    json::array& others = one["top_logprobs"].emplace_array();
    const json::object* likely = top && i < top->size() ? (*top)[i].if_object() : nullptr;
    if (likely)
      for (const auto& [token, logprob] : *likely) others.push_back(ChatToken(json::value(token), &logprob));
    content.push_back(std::move(one));
  }
  return json::object{{"content", std::move(content)}};
}

}  // namespace

json::value LogprobsOf(const json::object& choice) {
  const json::value* logprobs = choice.if_contains("logprobs");
  if (!logprobs) return nullptr;
  const json::object* object = logprobs->if_object();
  const json::array* tokens = object ? FindArray(*object, "tokens") : nullptr;
  return tokens ? OfCompletion(*object, *tokens) : *logprobs;
}

}  // namespace plumb::provider
