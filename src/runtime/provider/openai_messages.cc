// Questions that came in Anthropic's words (the gateway's /v1/messages) carry some that only Anthropic takes: marks for its
// cache, sealed thinking, results that are errors. Vendors of OpenAI's kind answer 400 to them.
#include <algorithm>

#include "runtime/provider/openai_parts.h"

namespace plumb::provider {
namespace {

bool IsThinking(const json::value& part) {
  const json::object* object = part.if_object();
  const json::string* type = object ? FindString(*object, "type") : nullptr;
  return type && (*type == "thinking" || *type == "redacted_thinking");
}

void CleanParts(json::value& content) {
  json::array* parts = content.if_array();
  if (!parts) return;
  json::array kept;
  for (json::value& part : *parts) {
    if (IsThinking(part)) continue;
    if (json::object* object = part.if_object()) object->erase("cache_control");
    kept.push_back(std::move(part));
  }
  content = kept.empty() ? json::value() : json::value(std::move(kept));
}

}  // namespace

bool OnlyAnthropics(std::string_view field) {
  constexpr std::string_view fields[] = {"thinking", "output_config", "cache_control", "context_management", "container", "mcp_servers"};
  return std::ranges::find(fields, field) != std::end(fields);
}

void DropAnthropics(json::object& message) {
  message.erase("cache_control");
  message.erase("is_error");
  if (json::value* content = message.if_contains("content")) CleanParts(*content);
}

}  // namespace plumb::provider
