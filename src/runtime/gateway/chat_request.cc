#include "runtime/gateway/chat_request.h"

#include <algorithm>

#include "runtime/gateway/openai_form.h"
#include "runtime/gateway/turn_messages.h"

namespace plumb::gateway {
namespace {

Status CheckMessages(const json::array& messages) {
  static const std::vector<std::string> roles = {"system", "developer", "user", "assistant", "tool", "function"};
  if (messages.empty()) return Fail(Code::kInvalid, "messages is empty; send at least one");
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string_view role = RoleOf(messages[i]);
    if (std::ranges::find(roles, role) == roles.end()) {
      return Fail(Code::kInvalid, "messages[{}].role is '{}'{}; it must be one of {}", i, role, DidYouMean(role, roles),
                  Join(roles, ", "));
    }
    const json::value* content = messages[i].get_object().if_contains("content");
    if (content && !content->is_string() && !content->is_array() && !content->is_null()) {
      return Fail(Code::kInvalid, "messages[{}].content must be text or a list of parts", i);
    }
  }
  return {};
}

Status ReadSampling(const json::object& body, provider::ChatRequest& request) {
  PLUMB_CHECK(ReadNumber(body, "temperature", request.temperature));
  PLUMB_CHECK(ReadNumber(body, "top_p", request.top_p));
  PLUMB_CHECK(ReadInteger(body, "max_tokens", request.max_tokens));
  PLUMB_CHECK(ReadInteger(body, "seed", request.seed));
  return ReadTexts(body, "stop", request.stop);
}

}  // namespace

Result<Call> ParseChat(const json::object& body) {
  Call call;
  provider::ChatRequest& request = call.request;
  PLUMB_TRY(request.model, GetStringOr(body, "model", ""));
  const json::array* messages = FindArray(body, "messages");
  if (!messages) return Fail(Code::kInvalid, "messages is missing; it must be a list of {{\"role\",\"content\"}}");
  PLUMB_CHECK(CheckMessages(*messages));
  request.messages = *messages;
  PLUMB_CHECK(ReadSampling(body, request));
  PLUMB_TRY(call.stream, GetBoolOr(body, "stream", false));
  if (const json::object* options = FindObject(body, "stream_options")) {
    PLUMB_TRY(call.include_usage, GetBoolOr(*options, "include_usage", false));
  }
  PLUMB_TRY(const int64_t n, GetIntOr(body, "n", 1));
  if (n != 1) return Fail(Code::kUnsupported, "n is {}; only 1 answer a request is guarded and given", n);
  if (body.contains("audio") || body.contains("modalities")) {
    return Fail(Code::kUnsupported, "audio and other modalities are not guarded, and therefore not served");
  }
  PLUMB_TRY(call.subject, ReadSubject(body));
  // Log-probabilities would give away text that the guard holds back; who the user is stays with us.
  static const std::vector<std::string> kept = {
      "model", "messages", "temperature", "top_p", "max_tokens", "seed", "stop", "stream", "stream_options", "n",
      "user", "safety_identifier", "logprobs", "top_logprobs"};
  for (const auto& [key, value] : body) {
    if (std::ranges::find(kept, std::string_view(key)) == kept.end()) request.extra[key] = value;
  }
  return call;
}

}  // namespace plumb::gateway
