#include "runtime/gateway/chat_request.h"

namespace plumb::gateway {
namespace {

std::string_view RoleOf(const json::value& message) {
  const json::object* object = message.if_object();
  const json::string* role = object ? FindString(*object, "role") : nullptr;
  return role ? std::string_view(*role) : "";
}

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

template <class T>
Status Number(const json::object& body, std::string_view key, std::optional<T>& out) {
  const json::value* value = body.if_contains(key);
  if (!value || value->is_null()) return {};
  if (!value->is_number()) return Fail(Code::kInvalid, "{} must be a number", key);
  if constexpr (std::is_integral_v<T>) {
    PLUMB_TRY(out, GetInt(body, key));
  } else {
    out = value->to_number<T>();
  }
  return {};
}

Status Stops(const json::object& body, std::vector<std::string>& out) {
  const json::value* stop = body.if_contains("stop");
  if (!stop || stop->is_null()) return {};
  if (const json::string* one = stop->if_string()) {
    out.emplace_back(*one);
    return {};
  }
  auto list = json::try_value_to<std::vector<std::string>>(*stop);
  if (!list) return Fail(Code::kInvalid, "stop must be a text or a list of texts");
  out = std::move(*list);
  return {};
}

}  // namespace

Result<ChatCall> ParseChat(const json::object& body) {
  ChatCall call;
  provider::ChatRequest& request = call.request;
  PLUMB_TRY(request.model, GetStringOr(body, "model", ""));
  const json::array* messages = FindArray(body, "messages");
  if (!messages) return Fail(Code::kInvalid, "messages is missing; it must be a list of {{\"role\",\"content\"}}");
  PLUMB_CHECK(CheckMessages(*messages));
  request.messages = *messages;
  PLUMB_CHECK(Number(body, "temperature", request.temperature));
  PLUMB_CHECK(Number(body, "top_p", request.top_p));
  PLUMB_CHECK(Number(body, "max_tokens", request.max_tokens));
  PLUMB_CHECK(Number(body, "seed", request.seed));
  PLUMB_CHECK(Stops(body, request.stop));
  PLUMB_TRY(call.stream, GetBoolOr(body, "stream", false));
  if (const json::object* options = FindObject(body, "stream_options")) {
    PLUMB_TRY(call.include_usage, GetBoolOr(*options, "include_usage", false));
  }
  PLUMB_TRY(const int64_t n, GetIntOr(body, "n", 1));
  if (n != 1) return Fail(Code::kUnsupported, "n is {}; only 1 answer a request is guarded and given", n);
  if (body.contains("audio") || body.contains("modalities")) {
    return Fail(Code::kUnsupported, "audio and other modalities are not guarded, and therefore not served");
  }
  PLUMB_TRY(const std::string user, GetStringOr(body, "user", ""));
  PLUMB_TRY(call.subject, GetStringOr(body, "safety_identifier", user));
  // Log-probabilities would give away text that the guard holds back; who the user is stays with us.
  static const std::vector<std::string> kept = {
      "model", "messages", "temperature", "top_p", "max_tokens", "seed", "stop", "stream", "stream_options", "n",
      "user", "safety_identifier", "logprobs", "top_logprobs"};
  for (const auto& [key, value] : body) {
    if (std::ranges::find(kept, std::string_view(key)) == kept.end()) request.extra[key] = value;
  }
  return call;
}

size_t NewMessages(const json::array& messages) {
  size_t begin = messages.size();
  while (begin > 0 && RoleOf(messages[begin - 1]) != "assistant") --begin;
  return begin;
}

std::string UserText(const json::array& messages) {
  std::string text;
  for (size_t i = NewMessages(messages); i < messages.size(); ++i) {
    if (RoleOf(messages[i]) != "user") continue;
    if (!text.empty()) text += '\n';
    if (const json::value* content = messages[i].get_object().if_contains("content")) {
      text += provider::ContentText(*content);
    }
  }
  return text;
}

}  // namespace plumb::gateway
