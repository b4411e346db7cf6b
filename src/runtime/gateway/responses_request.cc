#include "runtime/gateway/responses_request.h"

#include "runtime/gateway/openai_form.h"

namespace plumb::gateway {
namespace {

// What only a server that keeps its answers could do.
Status RefuseStored(const json::object& body) {
  for (const char* key : {"previous_response_id", "conversation", "prompt"}) {
    if (const json::value* value = body.if_contains(key); value && !value->is_null()) {
      return FailAt(key, Code::kUnsupported, "{}: answers are not stored here (store is always false); send the conversation's items in `input`", key);
    }
  }
  PLUMB_TRY(const bool background, GetBoolOr(body, "background", false));
  if (background) return Fail(Code::kUnsupported, "background: answers are given while the request is open, and not stored");
  return {};
}

// A content part in chat words.
Result<json::object> ItemPart(const json::value& value, const std::string& where) {
  const json::object* part = value.if_object();
  const json::string* type = part ? FindString(*part, "type") : nullptr;
  if (!type) return Fail(Code::kInvalid, "{} must be a part with a type", where);
  if (*type == "input_text" || *type == "output_text" || *type == "text" || *type == "refusal") {
    PLUMB_TRY(const std::string text, GetString(*part, *type == "refusal" ? "refusal" : "text"));
    return json::object{{"type", "text"}, {"text", text}};
  }
  if (*type == "input_image") {
    const json::string* url = FindString(*part, "image_url");
    if (!url) return Fail(Code::kUnsupported, "{}: an image must come as image_url; files are not stored here", where);
    json::object image = {{"url", *url}};
    if (const json::string* detail = FindString(*part, "detail")) image["detail"] = *detail;
    return json::object{{"type", "image_url"}, {"image_url", std::move(image)}};
  }
  if (*type == "input_file" && part->contains("file_data")) {
    PLUMB_TRY(const std::string name, GetStringOr(*part, "filename", "file"));
    return json::object{{"type", "file"}, {"file", {{"filename", name}, {"file_data", part->at("file_data")}}}};
  }
  return Fail(Code::kUnsupported, "{} is of type '{}', which is not guarded and therefore not passed on", where, std::string_view(*type));
}

// Text, or a list of parts.
Result<json::value> ItemContent(const json::object& holder, std::string_view key, const std::string& where) {
  const json::value* content = holder.if_contains(key);
  if (!content || content->is_null()) return json::value("");
  if (content->is_string()) return *content;
  if (!content->is_array()) return Fail(Code::kInvalid, "{}.{} must be text or a list of parts", where, key);
  json::array parts;
  for (const json::value& value : content->get_array()) {
    PLUMB_TRY(json::object part, ItemPart(value, fmt::format("{}.{}[{}]", where, key, parts.size())));
    parts.push_back(std::move(part));
  }
  return json::value(std::move(parts));
}

// Calls that follow one another, or what the assistant said just before them, are one message in chat words.
Status AddCall(const json::object& item, json::array& out) {
  json::object function;
  PLUMB_TRY(function["name"], GetString(item, "name"));
  PLUMB_TRY(function["arguments"], GetStringOr(item, "arguments", "{}"));
  PLUMB_TRY(const std::string id, GetString(item, "call_id"));
  json::object* last = out.empty() ? nullptr : out.back().if_object();
  if (!last || last->at("role") != "assistant") {
    out.push_back(json::object{{"role", "assistant"}, {"content", nullptr}});
    last = &out.back().get_object();
  }
  if (!last->contains("tool_calls")) (*last)["tool_calls"] = json::array();
  last->at("tool_calls").as_array().push_back(json::object{{"id", id}, {"type", "function"}, {"function", std::move(function)}});
  return {};
}

Status AddItem(const json::value& value, const std::string& where, json::array& out) {
  const json::object* item = value.if_object();
  if (!item) return Fail(Code::kInvalid, "{} must be an object", where);
  PLUMB_TRY(const std::string type, GetStringOr(*item, "type", "message"));
  if (type == "reasoning") return {};  // the model's own notes; chat words have no place for them
  if (type == "function_call") return AddCall(*item, out);
  json::object message;
  if (type == "function_call_output") {
    message["role"] = "tool";
    PLUMB_TRY(message["tool_call_id"], GetString(*item, "call_id"));
    PLUMB_TRY(message["content"], ItemContent(*item, "output", where));
  } else if (type == "message") {
    static const std::vector<std::string> roles = {"user", "assistant", "system", "developer"};
    PLUMB_TRY(const std::string role, GetString(*item, "role"));
    if (std::ranges::find(roles, role) == roles.end()) {
      return Fail(Code::kInvalid, "{}.role is '{}'; it must be one of {}", where, role, Join(roles, ", "));
    }
    message["role"] = role;
    PLUMB_TRY(message["content"], ItemContent(*item, "content", where));
  } else {
    return Fail(Code::kUnsupported, "{} is of type '{}', which is not guarded and therefore not passed on", where, type);
  }
  out.push_back(std::move(message));
  return {};
}

Status ReadInput(const json::object& body, json::array& out) {
  PLUMB_TRY(const std::string instructions, GetStringOr(body, "instructions", ""));
  if (!instructions.empty()) out.push_back(json::object{{"role", "system"}, {"content", instructions}});
  const json::value* input = body.if_contains("input");
  if (input && input->is_string()) {
    out.push_back(json::object{{"role", "user"}, {"content", *input}});
    return {};
  }
  if (!input || !input->is_array() || input->get_array().empty()) {
    return Fail(Code::kInvalid, "input is missing; it must be a text or a list of items");
  }
  const json::array& items = input->get_array();
  for (size_t i = 0; i < items.size(); ++i) PLUMB_CHECK(AddItem(items[i], fmt::format("input[{}]", i), out));
  return {};
}

Status ReadResponsesTools(const json::object& body, json::object& extra) {
  const json::array* tools = FindArray(body, "tools");
  if (!tools || tools->empty()) return {};
  json::array out;
  for (const json::value& value : *tools) {
    const json::object* tool = value.if_object();
    const json::string* type = tool ? FindString(*tool, "type") : nullptr;
    if (!type || *type != "function") {
      return Fail(Code::kUnsupported, "tools[{}] is '{}'; only functions are served: other tools run at the vendor, unguarded", out.size(),
                  type ? std::string_view(*type) : "no tool");
    }
    json::object function = *tool;
    function.erase("type");
    out.push_back(json::object{{"type", "function"}, {"function", std::move(function)}});
  }
  extra["tools"] = std::move(out);
  return {};
}

Status ReadResponsesToolChoice(const json::object& body, json::object& extra) {
  const json::value* choice = body.if_contains("tool_choice");
  if (!choice || choice->is_null()) return {};
  if (choice->is_string()) {
    extra["tool_choice"] = *choice;
    return {};
  }
  const json::object* object = choice->if_object();
  const json::string* name = object ? FindString(*object, "name") : nullptr;
  if (!name) return Fail(Code::kUnsupported, "tool_choice must be auto, none, required, or {{\"type\":\"function\",\"name\":…}}");
  extra["tool_choice"] = {{"type", "function"}, {"function", {{"name", *name}}}};
  return {};
}

// `text.format` is chat's response_format.
void ReadFormat(const json::object& body, json::object& extra) {
  const json::object* text = FindObject(body, "text");
  if (!text) return;
  if (const json::value* verbosity = text->if_contains("verbosity")) extra["verbosity"] = *verbosity;
  const json::object* format = FindObject(*text, "format");
  const json::string* type = format ? FindString(*format, "type") : nullptr;
  if (!type || *type == "text") return;
  if (*type != "json_schema") {
    extra["response_format"] = *format;
    return;
  }
  json::object schema = *format;
  schema.erase("type");
  extra["response_format"] = {{"type", "json_schema"}, {"json_schema", std::move(schema)}};
}

// What of `include` can be had here: log-probabilities. The rest is about tools that run at the vendor, or about items that
// a server keeps.
Status ReadInclude(const json::object& body, json::object& extra) {
  std::vector<std::string> wanted;
  PLUMB_CHECK(ReadTexts(body, "include", wanted));
  if (std::ranges::find(wanted, "message.output_text.logprobs") == wanted.end()) return {};
  extra["logprobs"] = true;
  if (const json::value* top = body.if_contains("top_logprobs"); top && !top->is_null()) extra["top_logprobs"] = *top;
  return {};
}

// What the answer repeats of the question.
json::object Echo(const json::object& body) {
  json::object echo = {{"instructions", nullptr}, {"max_output_tokens", nullptr}, {"metadata", json::object()},
                       {"parallel_tool_calls", true}, {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
                       {"temperature", 1.0}, {"text", {{"format", {{"type", "text"}}}}}, {"tool_choice", "auto"},
                       {"tools", json::array()}, {"top_p", 1.0}, {"truncation", "disabled"}};
  for (auto& [key, value] : echo) {
    const json::value* given = body.if_contains(key);
    if (given && !given->is_null()) value = *given;
  }
  return echo;
}

}  // namespace

Result<Call> ParseResponses(const json::object& body) {
  Call call;
  provider::ChatRequest& request = call.request;
  PLUMB_CHECK(RefuseStored(body));
  PLUMB_TRY(request.model, GetStringOr(body, "model", ""));
  PLUMB_CHECK(ReadInput(body, request.messages));
  PLUMB_CHECK(ReadNumber(body, "temperature", request.temperature));
  PLUMB_CHECK(ReadNumber(body, "top_p", request.top_p));
  PLUMB_CHECK(ReadInteger(body, "max_output_tokens", request.max_tokens));
  PLUMB_CHECK(ReadResponsesTools(body, request.extra));
  PLUMB_CHECK(ReadResponsesToolChoice(body, request.extra));
  ReadFormat(body, request.extra);
  PLUMB_CHECK(ReadInclude(body, request.extra));
  if (const json::object* reasoning = FindObject(body, "reasoning")) {
    if (const json::string* effort = FindString(*reasoning, "effort")) request.extra["reasoning_effort"] = *effort;
  }
  for (const char* key : {"parallel_tool_calls", "service_tier", "prompt_cache_key"}) {
    if (const json::value* value = body.if_contains(key); value && !value->is_null()) request.extra[key] = *value;
  }
  PLUMB_TRY(call.stream, GetBoolOr(body, "stream", false));
  PLUMB_TRY(call.subject, ReadSubject(body));
  call.echo = Echo(body);
  return call;
}

}  // namespace plumb::gateway
