#include "runtime/provider/anthropic_parts.h"

namespace plumb::provider {
namespace {

std::string_view StringOr(const json::object& object, std::string_view key, std::string_view otherwise) {
  const json::string* text = FindString(object, key);
  return text ? std::string_view(*text) : otherwise;
}

// Marks for the prompt cache stay where the caller set them.
void KeepCacheMark(const json::object& from, json::object& to) {
  if (const json::value* mark = from.if_contains("cache_control")) to["cache_control"] = *mark;
}

// "data:image/png;base64,…" or an address.
json::object Source(std::string_view url) {
  const size_t comma = url.find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos) return {{"type", "url"}, {"url", url}};
  const std::string_view media = url.substr(5, url.find_first_of(";,") - 5);
  return {{"type", "base64"}, {"media_type", media}, {"data", url.substr(comma + 1)}};
}

// One content part. Parts in Anthropic's own words (image, document, thinking, tool_use, …) pass as they are.
Result<json::object> Block(const json::object& part) {
  const std::string_view type = StringOr(part, "type", "text");
  json::object block;
  if (type == "text" || type == "refusal") {
    block = {{"type", "text"}, {"text", StringOr(part, type, "")}};
  } else if (const json::object* image = FindObject(part, "image_url"); image && type == "image_url") {
    block = {{"type", "image"}, {"source", Source(StringOr(*image, "url", ""))}};
  } else if (const json::object* file = FindObject(part, "file"); file && type == "file") {
    block = {{"type", "document"}, {"source", Source(StringOr(*file, "file_data", ""))}};
  } else if (type == "input_audio" || type == "image_url" || type == "file") {
    return Fail(Code::kUnsupported, "Anthropic takes no content of type '{}' in this form", type);
  } else {
    return part;
  }
  KeepCacheMark(part, block);
  return block;
}

Result<json::array> Blocks(const json::value& content) {
  json::array blocks;
  if (const json::string* text = content.if_string(); text && !text->empty()) {
    blocks.push_back(json::object{{"type", "text"}, {"text", *text}});
  }
  if (const json::array* parts = content.if_array()) {
    for (const json::value& part : *parts) {
      if (!part.is_object()) continue;
      PLUMB_TRY(json::object block, Block(part.get_object()));
      const json::string* text = FindString(block, "text");
      if (text && text->empty()) continue;  // Anthropic refuses empty text
      blocks.push_back(std::move(block));
    }
  }
  return blocks;
}

// OpenAI's assistant tool calls as content blocks.
void AddToolUses(const json::array& calls, json::array& blocks) {
  for (const json::value& call : calls) {
    const json::object* object = call.if_object();
    const json::object* function = object ? FindObject(*object, "function") : nullptr;
    if (!function) continue;
    auto input = ParseJson(StringOr(*function, "arguments", "{}"));
    blocks.push_back(json::object{{"type", "tool_use"},
                                  {"id", StringOr(*object, "id", "")},
                                  {"name", StringOr(*function, "name", "")},
                                  {"input", input && input->is_object() ? *input : json::value(json::object{})}});
  }
}

Result<json::object> ToolResult(const json::object& message) {
  json::object block = {{"type", "tool_result"}, {"tool_use_id", StringOr(message, "tool_call_id", "")}};
  const json::value* content = message.if_contains("content");
  if (content && content->is_array()) {
    PLUMB_TRY(block["content"], Blocks(*content));
  } else {
    block["content"] = content ? ContentText(*content) : "";
  }
  if (const json::value* failed = message.if_contains("is_error")) block["is_error"] = *failed;
  KeepCacheMark(message, block);
  return block;
}

// The answers to one turn's calls belong into one message.
void AddToolResult(json::object block, json::array& out) {
  if (!out.empty()) {
    json::object& last = out.back().as_object();
    json::array& blocks = last["content"].as_array();
    const bool results = !blocks.empty() && StringOr(blocks.back().as_object(), "type", "") == "tool_result";
    if (results) {
      blocks.push_back(std::move(block));
      return;
    }
  }
  out.push_back(json::object{{"role", "user"}, {"content", json::array{std::move(block)}}});
}

// A single plain text is sent as text; blocks where there are several or marks on them.
json::value System(const json::array& blocks) {
  std::string joined;
  for (const json::value& block : blocks) {
    if (block.get_object().contains("cache_control")) return blocks;
    joined += (joined.empty() ? "" : "\n\n") + std::string(StringOr(block.get_object(), "text", ""));
  }
  return json::value(joined);
}

json::value ToolChoice(const json::value& choice) {
  if (const json::string* word = choice.if_string()) {
    return json::object{{"type", *word == "required" ? "any" : std::string_view(*word)}};
  }
  const json::object* object = choice.if_object();
  const json::object* function = object ? FindObject(*object, "function") : nullptr;
  if (!function) return choice;  // Anthropic's own form
  return json::object{{"type", "tool"}, {"name", StringOr(*function, "name", "")}};
}

json::object Tool(const json::object& tool) {
  const json::object* function = FindObject(tool, "function");
  if (!function) return tool;  // Anthropic's own form
  json::object made = {{"name", StringOr(*function, "name", "")}};
  if (const json::string* about = FindString(*function, "description")) made["description"] = *about;
  const json::object* parameters = FindObject(*function, "parameters");
  made["input_schema"] = parameters ? *parameters : json::object{{"type", "object"}};
  KeepCacheMark(tool, made);
  return made;
}

}  // namespace

// Anthropic keeps the system prompt apart and knows tools' answers as user content.
Status TranslateMessages(const json::array& messages, json::object& body) {
  json::array system, out;
  for (const json::value& value : messages) {
    const json::object* message = value.if_object();
    const json::string* role = message ? FindString(*message, "role") : nullptr;
    if (!role) return Fail(Code::kInvalid, "a message has no role");
    if (*role == "tool" || *role == "function") {
      PLUMB_TRY(json::object block, ToolResult(*message));
      AddToolResult(std::move(block), out);
      continue;
    }
    const json::value* content = message->if_contains("content");
    json::array blocks;
    if (content) {
      PLUMB_TRY(blocks, Blocks(*content));
    }
    if (*role == "system" || *role == "developer") {
      for (json::value& block : blocks) system.push_back(std::move(block));
      continue;
    }
    if (const json::array* calls = FindArray(*message, "tool_calls")) AddToolUses(*calls, blocks);
    if (blocks.empty()) continue;
    out.push_back(json::object{{"role", *role == "assistant" ? "assistant" : "user"}, {"content", std::move(blocks)}});
  }
  if (!system.empty()) body["system"] = System(system);
  body["messages"] = std::move(out);
  return {};
}

void TranslateTools(const json::object& extra, json::object& body) {
  const json::array* tools = FindArray(extra, "tools");
  if (!tools || tools->empty()) return;
  json::array made;
  for (const json::value& tool : *tools) {
    if (tool.is_object()) made.push_back(Tool(tool.get_object()));
  }
  body["tools"] = std::move(made);
  if (const json::value* choice = extra.if_contains("tool_choice"); choice && !choice->is_null()) {
    body["tool_choice"] = ToolChoice(*choice);
  }
  const json::value* parallel = extra.if_contains("parallel_tool_calls");
  if (parallel && parallel->is_bool() && !parallel->get_bool()) {
    if (!body.contains("tool_choice")) body["tool_choice"] = {{"type", "auto"}};
    if (json::object* choice = body["tool_choice"].if_object()) (*choice)["disable_parallel_tool_use"] = true;
  }
}

}  // namespace plumb::provider
