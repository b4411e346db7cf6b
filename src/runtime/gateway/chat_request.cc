#include "runtime/gateway/chat_request.h"

#include <algorithm>

#include "runtime/gateway/openai_form.h"
#include "runtime/gateway/turn_messages.h"

namespace plumb::gateway {
namespace {

// Only what is judged, or is known to be no text, may pass: a part of another type could hold anything.
Status CheckParts(const json::array& parts, size_t message) {
  static const std::vector<std::string> types = {"text", "refusal", "image_url", "file", "thinking", "redacted_thinking"};
  for (size_t i = 0; i < parts.size(); ++i) {
    const json::object* part = parts[i].if_object();
    const json::string* type = part ? FindString(*part, "type") : nullptr;
    if (!type || std::ranges::find(types, std::string_view(*type)) == types.end()) {
      return Fail(Code::kUnsupported, "messages[{}].content[{}] must be of one of these types: {}; others are not guarded, and therefore not passed on",
                  message, i, Join(types, ", "));
    }
  }
  return {};
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
    if (content && content->is_array()) PLUMB_CHECK(CheckParts(content->get_array(), i));
  }
  return {};
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
  PLUMB_CHECK(ReadStream(body, call));
  PLUMB_CHECK(ReadChoices(body, call));
  const json::array* modalities = FindArray(body, "modalities");
  if (body.contains("audio") || (modalities && *modalities != json::array{"text"})) {
    return Fail(Code::kUnsupported, "audio and other modalities are not guarded, and therefore not served");
  }
  PLUMB_TRY(call.subject, ReadSubject(body));
  // Who the user is stays with us.
  static const std::vector<std::string> kept = {
      "model", "messages", "temperature", "top_p", "max_tokens", "seed", "stop", "stream", "stream_options", "n",
      "user", "safety_identifier"};
  for (const auto& [key, value] : body) {
    if (std::ranges::find(kept, std::string_view(key)) == kept.end()) request.extra[key] = value;
  }
  return call;
}

}  // namespace plumb::gateway
