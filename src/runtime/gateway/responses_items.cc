#include "runtime/gateway/responses_items.h"

namespace plumb::gateway {

json::object ResponseFrame(const Head& head, const Call& call, std::string_view status) {
  json::object out;
  out["id"] = "resp_" + head.exchange;
  out["object"] = "response";
  out["created_at"] = head.created;
  out["status"] = status;
  out["background"] = false;
  out["error"] = nullptr;
  out["incomplete_details"] = nullptr;
  out["model"] = head.model;
  out["output"] = json::array();
  out["previous_response_id"] = nullptr;
  out["store"] = false;
  out["usage"] = nullptr;
  for (const auto& [key, value] : call.echo) out[key] = value;
  return out;
}

json::object ResponseUsage(const provider::Usage& usage) {
  json::object out;
  out["input_tokens"] = usage.input_tokens;
  out["input_tokens_details"] = {{"cached_tokens", usage.cached_input_tokens},
                                 {"cache_write_tokens", usage.cache_creation_input_tokens}};
  out["output_tokens"] = usage.output_tokens;
  out["output_tokens_details"] = {{"reasoning_tokens", usage.reasoning_tokens}};
  out["total_tokens"] = usage.input_tokens + usage.output_tokens;
  return out;
}

std::string_view ResponseStatus(std::string_view finish_reason, json::value& details) {
  details = nullptr;
  if (finish_reason == "length") details = {{"reason", "max_output_tokens"}};
  if (finish_reason == "content_filter") details = {{"reason", "content_filter"}};
  return details.is_null() ? "completed" : "incomplete";
}

json::array TokenLogprobs(const json::value& logprobs) {
  const json::object* object = logprobs.if_object();
  const json::array* tokens = object ? FindArray(*object, "content") : nullptr;
  return tokens ? *tokens : json::array();
}

json::object TextPart(std::string_view text, const json::value& logprobs) {
  return {{"type", "output_text"}, {"text", text}, {"annotations", json::array()}, {"logprobs", TokenLogprobs(logprobs)}};
}

json::object RefusalPart(std::string_view text) { return {{"type", "refusal"}, {"refusal", text}}; }

json::object MessageItem(std::string_view id, std::string_view status, json::array parts) {
  return {{"id", id}, {"type", "message"}, {"status", status}, {"role", "assistant"}, {"content", std::move(parts)}};
}

json::object ReasoningItem(std::string_view id, std::string_view status, std::string_view text) {
  json::object item = {{"id", id}, {"type", "reasoning"}, {"status", status}, {"summary", json::array()}};
  json::array& content = item["content"].emplace_array();
  if (!text.empty()) content.push_back(json::object{{"type", "reasoning_text"}, {"text", text}});
  return item;
}

json::object FunctionItem(std::string_view id, std::string_view status, const json::object& call) {
  const json::string* call_id = FindString(call, "id");
  const json::object* function = FindObject(call, "function");
  const json::string* name = function ? FindString(*function, "name") : nullptr;
  const json::string* arguments = function ? FindString(*function, "arguments") : nullptr;
  return {{"id", id}, {"type", "function_call"}, {"status", status}, {"call_id", call_id ? *call_id : ""},
          {"name", name ? *name : ""}, {"arguments", arguments ? *arguments : ""}};
}

}  // namespace plumb::gateway
