// What a client of each API makes of an answer, whole or streamed, in one form that tests can compare.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/core/core.h"
#include "base/net/net.h"

namespace plumb::gateway {

struct Understood {
  std::string text, reasoning, refusal, tool, arguments, signature;
  std::string reason;               // the API's own word for why it ended; responses: the status
  std::string error;                // its message
  int64_t input_tokens = 0, output_tokens = 0;
  bool whole = false;               // it ended as the API says an answer ends
  std::vector<std::string> events;  // of a stream, in order, runs of the same name once
  json::object closing;             // our comment
};

inline std::string Text(const json::object& object, std::string_view key) {
  const json::string* text = FindString(object, key);
  return text ? std::string(*text) : "";
}

// OpenAI's chat message, or a delta of one.
inline void ReadChatMessage(const json::object& message, Understood& out) {
  out.text += Text(message, "content");
  out.refusal += Text(message, "refusal");
  out.reasoning += Text(message, "reasoning_content");
  if (const json::array* calls = FindArray(message, "tool_calls")) {
    for (const json::value& call : *calls) {
      const json::object& function = call.at("function").as_object();
      out.tool += Text(function, "name");
      out.arguments += Text(function, "arguments");
    }
  }
}

// A chunk or a whole answer of chat completions and completions: the first choice.
inline void ReadChoices(const json::object& body, Understood& out) {
  if (const json::object* error = FindObject(body, "error")) out.error = Text(*error, "message");
  if (const json::object* usage = FindObject(body, "usage")) {
    out.input_tokens = GetIntOr(*usage, "prompt_tokens", 0).value_or(0);
    out.output_tokens = GetIntOr(*usage, "completion_tokens", 0).value_or(0);
  }
  const json::array* choices = FindArray(body, "choices");
  if (!choices || choices->empty() || GetIntOr((*choices)[0].as_object(), "index", 0).value_or(0) != 0) return;
  const json::object& choice = (*choices)[0].as_object();
  out.text += Text(choice, "text");
  for (const char* key : {"message", "delta"}) {
    if (const json::object* message = FindObject(choice, key)) ReadChatMessage(*message, out);
  }
  if (const json::string* reason = FindString(choice, "finish_reason")) out.reason = *reason;
}

inline void ReadResponseItem(const json::object& item, Understood& out) {
  if (Text(item, "type") == "function_call") {
    out.tool += Text(item, "name");
    out.arguments += Text(item, "arguments");
  }
  if (const json::array* content = FindArray(item, "content")) {
    for (const json::value& part : *content) {
      const json::object& object = part.as_object();
      (Text(object, "type") == "reasoning_text" ? out.reasoning : out.text) += Text(object, "text");
      out.refusal += Text(object, "refusal");
    }
  }
}

inline void ReadResponse(const json::object& response, Understood& out) {
  if (const json::object* error = FindObject(response, "error")) out.error = Text(*error, "message");
  out.reason = Text(response, "status");
  if (const json::object* details = FindObject(response, "incomplete_details")) out.reason += ":" + Text(*details, "reason");
  if (const json::array* items = FindArray(response, "output")) {
    for (const json::value& item : *items) ReadResponseItem(item.as_object(), out);
  }
  if (const json::object* usage = FindObject(response, "usage")) {
    out.input_tokens = usage->at("input_tokens").to_number<int64_t>();
    out.output_tokens = usage->at("output_tokens").to_number<int64_t>();
  }
}

inline void ReadMessage(const json::object& message, Understood& out) {
  if (const json::object* error = FindObject(message, "error")) out.error = Text(*error, "message");
  if (const json::array* blocks = FindArray(message, "content")) {
    for (const json::value& value : *blocks) {
      const json::object& block = value.as_object();
      out.text += Text(block, "text");
      out.reasoning += Text(block, "thinking");
      out.signature += Text(block, "signature");
      out.tool += Text(block, "name");
      if (const json::object* input = FindObject(block, "input")) out.arguments += ToJson(*input);
    }
  }
  if (const json::string* reason = FindString(message, "stop_reason")) out.reason = *reason;
  if (const json::object* details = FindObject(message, "stop_details")) out.refusal = Text(*details, "explanation");
  if (const json::object* usage = FindObject(message, "usage")) {
    out.input_tokens = GetIntOr(*usage, "input_tokens", 0).value_or(0);
    out.output_tokens = GetIntOr(*usage, "output_tokens", 0).value_or(0);
  }
}

inline void ReadMessageEvent(const std::string& name, const json::object& event, Understood& out) {
  if (name == "error") ReadMessage(event, out);
  if (name == "content_block_start") out.tool += Text(event.at("content_block").as_object(), "name");
  if (name == "content_block_delta") {
    const json::object& delta = event.at("delta").as_object();
    out.text += Text(delta, "text");
    out.reasoning += Text(delta, "thinking");
    out.signature += Text(delta, "signature");
    out.arguments += Text(delta, "partial_json");
  }
  if (name == "message_delta") {
    json::object whole = event.at("delta").as_object();
    whole["usage"] = event.at("usage");
    ReadMessage(whole, out);
  }
  out.whole = name == "message_stop";
}

// What a stream's deltas add up to must be what its last event says.
inline void ReadResponseEvent(const std::string& name, const json::object& event, Understood& out) {
  if (name == "response.output_text.delta") out.text += Text(event, "delta");
  if (name == "response.refusal.delta") out.refusal += Text(event, "delta");
  if (name == "response.reasoning_text.delta") out.reasoning += Text(event, "delta");
  if (name == "response.function_call_arguments.delta") out.arguments += Text(event, "delta");
  if (name == "response.output_item.added") out.tool += Text(event.at("item").as_object(), "name");
  if (name != "response.completed" && name != "response.incomplete" && name != "response.failed") return;
  Understood last;
  ReadResponse(event.at("response").as_object(), last);
  out.whole = name != "response.failed";
  if (out.whole) {
    EXPECT_EQ(last.text, out.text);
    EXPECT_EQ(last.refusal, out.refusal);
    EXPECT_EQ(last.reasoning, out.reasoning);
    EXPECT_EQ(last.arguments, out.arguments);
    EXPECT_EQ(last.tool, out.tool);
  }
  out.reason = last.reason;
  out.error = last.error;
  out.input_tokens = last.input_tokens;
  out.output_tokens = last.output_tokens;
}

inline Understood ReadWhole(std::string_view surface, const json::object& body) {
  Understood out;
  if (surface == "responses") {
    ReadResponse(body, out);
  } else if (surface == "messages") {
    ReadMessage(body, out);
  } else {
    ReadChoices(body, out);
  }
  out.whole = out.error.empty();
  return out;
}

inline Understood ReadStream(std::string_view surface, const std::string& body) {
  Understood out;
  net::SseParser parser;
  auto events = parser.Feed(body);
  for (const net::SseEvent& event : *events) {
    if (event.data == "[DONE]") {
      out.whole = true;
      continue;
    }
    const json::value parsed = *ParseJson(event.data);
    if (out.events.empty() || out.events.back() != event.event) out.events.push_back(event.event);
    if (surface == "responses") {
      ReadResponseEvent(event.event, parsed.as_object(), out);
    } else if (surface == "messages") {
      ReadMessageEvent(event.event, parsed.as_object(), out);
    } else {
      ReadChoices(parsed.as_object(), out);
    }
  }
  for (const std::string& comment : parser.comments()) {
    auto said = ParseJson(comment);
    if (said && said->is_object()) out.closing = said->at("plumb").as_object();
  }
  return out;
}

}  // namespace plumb::gateway
