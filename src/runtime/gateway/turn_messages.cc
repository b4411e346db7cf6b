#include "runtime/gateway/turn_messages.h"

#include <algorithm>

#include "runtime/provider/provider.h"

namespace plumb::gateway {

std::string_view RoleOf(const json::value& message) {
  const json::object* object = message.if_object();
  const json::string* role = object ? FindString(*object, "role") : nullptr;
  return role ? std::string_view(*role) : "";
}

std::string MessageText(const json::value& message) {
  const json::object* object = message.if_object();
  const json::value* content = object ? object->if_contains("content") : nullptr;
  return content ? provider::ContentText(*content) : "";
}

std::vector<json::string*> Texts(json::value& message) {
  std::vector<json::string*> out;
  json::object* object = message.if_object();
  json::value* content = object ? object->if_contains("content") : nullptr;
  if (!content) return out;
  if (json::string* text = content->if_string()) out.push_back(text);
  if (json::array* parts = content->if_array()) {
    for (json::value& part : *parts) {
      json::value* text = part.is_object() ? part.get_object().if_contains("text") : nullptr;
      if (text && text->is_string()) out.push_back(&text->get_string());
    }
  }
  return out;
}

void SetText(json::value& message, std::string_view text) { message.as_object()["content"] = text; }

size_t NewMessages(const json::array& messages) {
  size_t begin = messages.size();
  while (begin > 0 && RoleOf(messages[begin - 1]) == "assistant") --begin;
  while (begin > 0 && RoleOf(messages[begin - 1]) != "assistant") --begin;
  return begin;
}

bool IsInput(const json::value& message) { return RoleOf(message) == "user" || RoleOf(message) == "assistant"; }

std::string UserText(const json::array& messages) {
  std::string text;
  for (size_t i = NewMessages(messages); i < messages.size(); ++i) {
    if (!IsInput(messages[i])) continue;
    if (!text.empty()) text += '\n';
    text += MessageText(messages[i]);
  }
  return text;
}

size_t Characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace plumb::gateway
