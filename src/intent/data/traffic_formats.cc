// OpenAI-style logs, LiteLLM's, Langfuse's.
#include <algorithm>

#include "intent/data/traffic_row.h"

namespace plumb::data {
namespace {

const json::object* Object(const json::object& row, std::string_view key) { return FindObject(row, key); }

// Fields that any kind of log may have beside the texts.
void TakeHead(const json::object& row, Traffic& out) {
  out.id = FirstText(row, {"id", "custom_id", "request_id", "litellm_call_id"});
  if (const json::value* time = FirstValue(row, {"time", "timestamp", "created", "created_at", "startTime", "start_time"})) {
    out.time = TimeOf(*time);
  }
  out.model = FirstText(row, {"model"});
  out.subject = FirstText(row, {"safety_identifier", "user", "end_user", "userId", "user_id"});
}

}  // namespace

// ---- OpenAI-style ----------------------------------------------------------------------------------------------

Status ReadOpenAiTraffic(const TrafficRow& row, TrafficSink& sink) {
  const json::object& object = row.object;
  Traffic out;
  out.where = row.Place();
  TakeHead(object, out);
  // The Batch API's files: what is asked under "body", what came back under "response.body".
  const json::value* request = FirstValue(object, {"request", "body", "request_body", "kwargs"});
  const json::value* response = FirstValue(object, {"response", "response_body", "completion", "output"});
  json::value request_value = request ? Unpacked(*request) : json::value();
  json::value response_value = response ? Unpacked(*response) : json::value();
  if (const json::object* envelope = response_value.if_object(); envelope && envelope->contains("body")) {
    response_value = json::value(envelope->at("body"));
  }
  if (const json::object* envelope = request_value.if_object(); envelope && envelope->contains("body")) {
    request_value = json::value(envelope->at("body"));
  }
  json::array messages;
  if (request_value.is_null() && (object.contains("messages") || object.contains("input") || object.contains("prompt"))) {
    // The row is the request itself; without an answer beside it, the last message is the answer.
    request_value = object;
    const json::array* list = FindArray(object, "messages");
    if (response_value.is_null() && object.contains("choices")) response_value = object;
    if (list && !list->empty() && response_value.is_null() && list->back().is_object()) {
      const json::string* role = FindString(list->back().get_object(), "role");
      if (role && *role == "assistant") {
        response_value = list->back();
        messages = *list;
        messages.pop_back();
        request_value = messages;
      }
    }
  }
  if (request_value.is_null() && response_value.is_null()) {
    return FailAt(row.Place(), Code::kInvalid, "a row needs 'request' and 'response', or 'messages' (see docs/gateway.md, \"Replay\")");
  }
  if (const json::object* body = request_value.if_object()) {
    if (out.model.empty()) out.model = FirstText(*body, {"model"});
    if (out.subject.empty()) out.subject = FirstText(*body, {"safety_identifier", "user"});
  }
  if (const json::object* body = response_value.if_object()) {
    if (out.id.empty()) out.id = FirstText(*body, {"id"});
    if (out.model.empty()) out.model = FirstText(*body, {"model"});
    if (out.time.empty()) {
      if (const json::value* created = FirstValue(*body, {"created", "created_at"})) out.time = TimeOf(*created);
    }
  }
  if (out.id.empty()) out.id = out.where;
  if (!TakeRequest(request_value, out)) out.no_request = request_value.is_null() ? "not in the log" : "no text";
  if (!TakeResponse(response_value, out)) out.no_response = response_value.is_null() ? "not in the log" : "no text";
  sink.ready.push_back(std::move(out));
  return {};
}

// ---- LiteLLM ---------------------------------------------------------------------------------------------------

namespace {

// What LiteLLM writes in place of a text it was told not to log.
constexpr std::string_view kLiteLlmRedacted = "redacted-by-litellm";

bool IsChatCall(std::string_view type) {
  static const std::set<std::string_view> chat = {"",           "completion",         "acompletion",    "text_completion", "atext_completion",
                                                  "responses",  "aresponses",         "anthropic_messages", "generate_content", "agenerate_content",
                                                  "pass_through_endpoint"};
  return chat.contains(type);
}

bool RedactedRequest(const Traffic& one) {
  return !one.messages.empty() && std::ranges::all_of(one.messages, [](const json::value& message) {
    const json::string* content = FindString(message.get_object(), "content");
    return content && *content == kLiteLlmRedacted;
  });
}

}  // namespace

Status ReadLiteLlmTraffic(const TrafficRow& row, TrafficSink& sink) {
  const json::object* payload = Object(row.object, "standard_logging_object");
  const json::object& object = payload ? *payload : row.object;
  const std::string type = FirstText(object, {"call_type"});
  const bool known = object.contains("call_type") || object.contains("messages") || object.contains("request_id");
  if (!known) {
    return FailAt(row.Place(), Code::kInvalid, "this is neither a standard logging payload nor a spend log: it has no 'call_type'");
  }
  if (!IsChatCall(type)) {
    sink.Skip(type);
    return {};
  }
  Traffic out;
  out.where = row.Place();
  TakeHead(object, out);
  if (out.id.empty()) out.id = out.where;
  if (const std::string group = FirstText(object, {"model_group"}); !group.empty()) out.model = group;
  out.subject = FirstText(object, {"end_user"});
  if (const json::value* metadata = object.if_contains("metadata")) {
    const json::value unpacked = Unpacked(*metadata);
    if (unpacked.is_object()) out.key = FirstText(unpacked.get_object(), {"user_api_key_alias", "user_api_key_team_alias"});
  }
  const json::value* messages = object.if_contains("messages");
  bool asked = messages && TakeRequest(Unpacked(*messages), out);
  if (!asked) {
    // Spend logs keep the client's own body here where they keep the prompt at all.
    const json::value* body = object.if_contains("proxy_server_request");
    asked = body && TakeRequest(Unpacked(*body), out);
  }
  if (!asked) out.no_request = "not kept";
  if (RedactedRequest(out)) {
    out.messages.clear();
    out.no_request = "redacted";
  }
  const std::string status = FirstText(object, {"status"});
  const json::value* response = object.if_contains("response");
  if (!response || !TakeResponse(Unpacked(*response), out)) out.no_response = status == "failure" ? "the call failed" : "not kept";
  if (out.response == kLiteLlmRedacted) {
    out.response.clear();
    out.tool_calls.clear();
    out.no_response = "redacted";
  }
  sink.ready.push_back(std::move(out));
  return {};
}

// ---- Langfuse --------------------------------------------------------------------------------------------------

namespace {

// Trace rows say who and where; observations of newer exports say it themselves.
Traffic LangfuseHead(const json::object& object, const TrafficRow& row) {
  Traffic out;
  out.where = row.Place();
  TakeHead(object, out);
  if (out.id.empty()) out.id = out.where;
  out.model = FirstText(object, {"model", "providedModelName", "provided_model_name", "modelName", "model_name", "internalModel"});
  return out;
}

void TakeTexts(const json::object& object, Traffic& out) {
  const json::value* input = FirstValue(object, {"input"});
  if (!input) out.no_request = "not in the log";
  else if (!TakeRequest(Unpacked(*input), out)) out.no_request = "no text";
  const json::value* output = FirstValue(object, {"output"});
  if (!output) out.no_response = "not in the log";
  else if (!TakeResponse(Unpacked(*output), out)) out.no_response = "no text";
}

}  // namespace

Status ReadLangfuseTraffic(const TrafficRow& row, TrafficSink& sink) {
  // A downloaded trace: the trace, or {"trace","observations"}.
  const json::object* trace = Object(row.object, "trace");
  const json::object& object = trace ? *trace : row.object;
  const json::array* observations = FindArray(row.object, "observations");
  if (!observations) observations = FindArray(object, "observations");
  size_t generations = 0;
  if (observations) {
    const Traffic head = LangfuseHead(object, row);
    for (const json::value& value : *observations) {
      const json::object* one = value.if_object();
      if (!one) continue;  // a listing names observations by id alone
      const std::string type = FirstText(*one, {"type"});
      if (type != "GENERATION") {
        sink.Skip(type.empty() ? "observation" : type);
        continue;
      }
      Traffic out = LangfuseHead(*one, row);
      if (out.subject.empty()) out.subject = head.subject;
      TakeTexts(*one, out);
      sink.ready.push_back(std::move(out));
      ++generations;
    }
    if (generations > 0) return {};
  }
  const std::string type = FirstText(object, {"type"});
  if (!type.empty() && type != "GENERATION") {
    sink.Skip(type);
    return {};
  }
  if (!object.contains("input") && !object.contains("output")) {
    if (!object.contains("id")) {
      return FailAt(row.Place(), Code::kInvalid, "this is neither a trace nor an observation of Langfuse: it has no 'input' and no 'id'");
    }
  }
  Traffic out = LangfuseHead(object, row);
  TakeTexts(object, out);
  sink.ready.push_back(std::move(out));
  return {};
}

}  // namespace plumb::data
