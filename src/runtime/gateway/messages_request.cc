#include "runtime/gateway/messages_request.h"

#include "runtime/gateway/openai_form.h"

namespace plumb::gateway {
namespace {

std::string_view TypeOf(const json::value& block) {
  const json::object* object = block.if_object();
  const json::string* type = object ? FindString(*object, "type") : nullptr;
  return type ? std::string_view(*type) : "";
}

void KeepCacheMark(const json::object& from, json::object& to) {
  if (const json::object* mark = FindObject(from, "cache_control")) to["cache_control"] = *mark;
}

json::object TextBlock(std::string_view text) { return {{"type", "text"}, {"text", text}}; }

// "data:image/png;base64,…" or the address, as OpenAI wants an image.
Result<std::string> SourceUrl(const json::object& block, const std::string& where) {
  const json::object* source = FindObject(block, "source");
  if (!source) return Fail(Code::kInvalid, "{}.source is missing", where);
  PLUMB_TRY(const std::string kind, GetString(*source, "type"));
  if (kind == "url") return GetString(*source, "url");
  if (kind != "base64") return Fail(Code::kUnsupported, "{}.source.type is '{}'; base64 and url are passed on", where, kind);
  PLUMB_TRY(const std::string type, GetString(*source, "media_type"));
  PLUMB_TRY(const std::string data, GetString(*source, "data"));
  return "data:" + type + ";base64," + data;
}

Result<json::object> Image(const json::object& block, const std::string& where) {
  PLUMB_TRY(const std::string url, SourceUrl(block, where));
  return json::object{{"type", "image_url"}, {"image_url", {{"url", url}}}};
}

// Plain text documents are read (and judged) as text; others travel as files.
Result<json::object> Document(const json::object& block, const std::string& where) {
  PLUMB_TRY(const std::string title, GetStringOr(block, "title", "document"));
  const json::object* source = FindObject(block, "source");
  if (source && GetStringOr(*source, "type", "").value_or("") == "text") {
    PLUMB_TRY(const std::string data, GetString(*source, "data"));
    return TextBlock(title + "\n\n" + data);
  }
  PLUMB_TRY(const std::string url, SourceUrl(block, where));
  return json::object{{"type", "file"}, {"file", {{"filename", title}, {"file_data", url}}}};
}

// One block of text, image or document as an OpenAI content part.
Result<json::object> BlockPart(const json::value& value, const std::string& where) {
  const std::string_view type = TypeOf(value);
  if (type.empty()) return Fail(Code::kInvalid, "{} must be a block with a type", where);
  const json::object& block = value.get_object();
  json::object part;
  if (type == "text") {
    PLUMB_TRY(const std::string text, GetString(block, "text"));
    part = TextBlock(text);
  } else if (type == "image") {
    PLUMB_TRY(part, Image(block, where));
  } else if (type == "document") {
    PLUMB_TRY(part, Document(block, where));
  } else {
    return Fail(Code::kUnsupported, "{} is of type '{}', which is not guarded and therefore not passed on", where, type);
  }
  KeepCacheMark(block, part);
  return part;
}

// Text, or a list of blocks.
Result<json::value> BlockContent(const json::object& holder, const std::string& where) {
  const json::value* content = holder.if_contains("content");
  if (!content || content->is_null()) return json::value("");
  if (content->is_string()) return *content;
  if (!content->is_array()) return Fail(Code::kInvalid, "{}.content must be text or a list of blocks", where);
  json::array parts;
  for (const json::value& block : content->get_array()) {
    PLUMB_TRY(json::object part, BlockPart(block, fmt::format("{}.content[{}]", where, parts.size())));
    parts.push_back(std::move(part));
  }
  return json::value(std::move(parts));
}

Result<json::object> ToolResult(const json::object& block, const std::string& where) {
  json::object message = {{"role", "tool"}};
  PLUMB_TRY(message["tool_call_id"], GetString(block, "tool_use_id"));
  PLUMB_TRY(message["content"], BlockContent(block, where));
  PLUMB_TRY(const bool failed, GetBoolOr(block, "is_error", false));
  if (failed) message["is_error"] = true;
  KeepCacheMark(block, message);
  return message;
}

// Tool results become messages of their own, in front of what the user says beside them.
Status AddUser(const json::array& blocks, const std::string& where, json::array& out) {
  json::array parts;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const std::string here = fmt::format("{}.content[{}]", where, i);
    if (TypeOf(blocks[i]) == "tool_result") {
      PLUMB_TRY(json::object result, ToolResult(blocks[i].get_object(), here));
      out.push_back(std::move(result));
    } else {
      PLUMB_TRY(json::object part, BlockPart(blocks[i], here));
      parts.push_back(std::move(part));
    }
  }
  if (!parts.empty()) out.push_back(json::object{{"role", "user"}, {"content", std::move(parts)}});
  return {};
}

Result<json::object> ToolUse(const json::object& block) {
  PLUMB_TRY(const std::string id, GetString(block, "id"));
  PLUMB_TRY(const std::string name, GetString(block, "name"));
  const json::object* input = FindObject(block, "input");
  const std::string arguments = input ? ToJson(*input) : "{}";
  return json::object{{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

Status AddAssistant(const json::array& blocks, const std::string& where, json::array& out) {
  json::object message = {{"role", "assistant"}};
  json::array parts, calls;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const std::string_view type = TypeOf(blocks[i]);
    if (type == "tool_use") {
      PLUMB_TRY(json::object call, ToolUse(blocks[i].get_object()));
      calls.push_back(std::move(call));
    } else if (type == "thinking" || type == "redacted_thinking") {
      parts.push_back(blocks[i]);  // sealed by the vendor: it goes back untouched
    } else {
      PLUMB_TRY(json::object part, BlockPart(blocks[i], fmt::format("{}.content[{}]", where, i)));
      parts.push_back(std::move(part));
    }
  }
  message["content"] = parts.empty() ? json::value() : json::value(std::move(parts));
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  out.push_back(std::move(message));
  return {};
}

Status AddMessage(const json::value& value, const std::string& where, json::array& out) {
  const json::object* message = value.if_object();
  const json::string* role = message ? FindString(*message, "role") : nullptr;
  if (!role || (*role != "user" && *role != "assistant")) {
    return Fail(Code::kInvalid, "{}.role must be 'user' or 'assistant'", where);
  }
  const json::value* content = message->if_contains("content");
  if (content && content->is_string()) {
    out.push_back(json::object{{"role", *role}, {"content", *content}});
    return {};
  }
  if (!content || !content->is_array()) return Fail(Code::kInvalid, "{}.content must be text or a list of blocks", where);
  return *role == "user" ? AddUser(content->get_array(), where, out) : AddAssistant(content->get_array(), where, out);
}

Status ReadMessages(const json::object& body, json::array& out) {
  if (const json::value* system = body.if_contains("system"); system && !system->is_null()) {
    json::object message = {{"role", "system"}};
    PLUMB_TRY(message["content"], BlockContent(json::object{{"content", *system}}, "system"));
    out.push_back(std::move(message));
  }
  const json::array* messages = FindArray(body, "messages");
  if (!messages || messages->empty()) return Fail(Code::kInvalid, "messages is missing or empty; send at least one");
  for (size_t i = 0; i < messages->size(); ++i) PLUMB_CHECK(AddMessage((*messages)[i], fmt::format("messages[{}]", i), out));
  return {};
}

Status ReadMessagesTools(const json::object& body, json::object& extra) {
  const json::array* tools = FindArray(body, "tools");
  if (!tools || tools->empty()) return {};
  json::array out;
  for (const json::value& value : *tools) {
    const std::string where = fmt::format("tools[{}]", out.size());
    const json::object* tool = value.if_object();
    if (!tool) return Fail(Code::kInvalid, "{} must be an object", where);
    PLUMB_TRY(const std::string type, GetStringOr(*tool, "type", "custom"));
    if (type != "custom") {
      return Fail(Code::kUnsupported, "{} is '{}', which runs at the vendor: its results are not guarded, and it is therefore not served", where, type);
    }
    json::object function;
    PLUMB_TRY(function["name"], GetString(*tool, "name"));
    if (const json::string* about = FindString(*tool, "description")) function["description"] = *about;
    if (const json::object* schema = FindObject(*tool, "input_schema")) function["parameters"] = *schema;
    if (const json::value* strict = tool->if_contains("strict")) function["strict"] = *strict;
    json::object made = {{"type", "function"}, {"function", std::move(function)}};
    KeepCacheMark(*tool, made);
    out.push_back(std::move(made));
  }
  extra["tools"] = std::move(out);
  return {};
}

Status ReadMessagesToolChoice(const json::object& body, json::object& extra) {
  const json::object* choice = FindObject(body, "tool_choice");
  if (!choice) return {};
  PLUMB_TRY(const std::string type, GetString(*choice, "type"));
  if (type == "tool") {
    PLUMB_TRY(const std::string name, GetString(*choice, "name"));
    extra["tool_choice"] = {{"type", "function"}, {"function", {{"name", name}}}};
  } else if (type == "auto" || type == "none" || type == "any") {
    extra["tool_choice"] = type == "any" ? "required" : type;
  } else {
    return Fail(Code::kInvalid, "tool_choice.type is '{}'; it must be auto, any, tool or none", type);
  }
  PLUMB_TRY(const bool single, GetBoolOr(*choice, "disable_parallel_tool_use", false));
  if (single) extra["parallel_tool_calls"] = false;
  return {};
}

// The end user, where the caller names one.
Result<std::string> Subject(const json::object& body) {
  const json::object* metadata = FindObject(body, "metadata");
  return metadata ? GetStringOr(*metadata, "user_id", "") : Result<std::string>("");
}

}  // namespace

Result<Call> ParseMessages(const json::object& body) {
  Call call;
  provider::ChatRequest& request = call.request;
  PLUMB_TRY(request.model, GetStringOr(body, "model", ""));
  PLUMB_CHECK(ReadMessages(body, request.messages));
  PLUMB_CHECK(ReadInteger(body, "max_tokens", request.max_tokens));
  PLUMB_CHECK(ReadNumber(body, "temperature", request.temperature));
  PLUMB_CHECK(ReadNumber(body, "top_p", request.top_p));
  PLUMB_CHECK(ReadTexts(body, "stop_sequences", request.stop));
  PLUMB_CHECK(ReadMessagesTools(body, request.extra));
  PLUMB_CHECK(ReadMessagesToolChoice(body, request.extra));
  PLUMB_TRY(call.stream, GetBoolOr(body, "stream", false));
  PLUMB_TRY(call.subject, Subject(body));
  for (const char* key : {"top_k", "thinking", "output_config", "service_tier"}) {
    if (const json::value* value = body.if_contains(key)) request.extra[key] = *value;
  }
  if (body.contains("mcp_servers") || body.contains("container")) {
    return Fail(Code::kUnsupported, "mcp_servers and container work at the vendor, unguarded, and are therefore not served");
  }
  return call;
}

}  // namespace plumb::gateway
