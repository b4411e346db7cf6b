// Requests and answers of every chat API → OpenAI's messages, an answer's text, tool calls.
#include "intent/data/traffic_row.h"

namespace plumb::data {
namespace {

std::string_view TextField(const json::object& object, std::string_view key) {
  const json::string* text = FindString(object, key);
  return text ? std::string_view(*text) : std::string_view();
}

void AddLine(std::string& out, std::string_view line) {
  if (line.empty()) return;
  if (!out.empty()) out += '\n';
  out += line;
}

// A text, or the texts of content parts ({"type":"text"|"input_text"|"output_text","text"}), or Gemini's parts.
std::string PartsText(const json::value& content) {
  if (const json::string* text = content.if_string()) return std::string(*text);
  std::string out;
  if (const json::array* parts = content.if_array()) {
    for (const json::value& part : *parts) {
      if (const json::string* text = part.if_string()) AddLine(out, *text);
      else if (const json::object* object = part.if_object()) AddLine(out, TextField(*object, "text"));
    }
  }
  return out;
}

json::object ToolCall(std::string_view id, std::string_view name, const json::value& arguments) {
  const std::string text = arguments.is_string() ? std::string(arguments.get_string()) : ToJson(arguments);
  json::object function = {{"name", name}, {"arguments", text}};
  return {{"id", id}, {"type", "function"}, {"function", std::move(function)}};
}

// Anthropic's tool_use blocks.
void AddToolUses(const json::value& content, json::array& calls) {
  const json::array* parts = content.if_array();
  if (!parts) return;
  for (const json::value& part : *parts) {
    const json::object* block = part.if_object();
    if (!block || TextField(*block, "type") != "tool_use") continue;
    const json::value* input = block->if_contains("input");
    calls.push_back(ToolCall(TextField(*block, "id"), TextField(*block, "name"), input ? *input : json::value(json::object())));
  }
}

// One message of any API as OpenAI would write it; Anthropic's tool results become messages of their own, in front.
void AddMessage(const json::object& from, json::array& out) {
  std::string role(TextField(from, "role"));
  if (role == "model") role = "assistant";  // Gemini
  if (role == "human") role = "user";       // LangChain
  if (role == "ai") role = "assistant";
  const json::value* content = FirstValue(from, {"content", "parts"});
  if (content && content->is_array()) {
    for (const json::value& part : content->get_array()) {
      const json::object* block = part.if_object();
      if (!block || TextField(*block, "type") != "tool_result") continue;
      const json::value* result = block->if_contains("content");
      out.push_back(json::object{{"role", "tool"},
                                 {"tool_call_id", TextField(*block, "tool_use_id")},
                                 {"content", result ? PartsText(*result) : ""}});
    }
  }
  json::object message = {{"role", role}, {"content", content ? PartsText(*content) : ""}};
  json::array calls;
  if (const json::array* own = FindArray(from, "tool_calls")) calls = *own;
  if (content) AddToolUses(*content, calls);
  const bool only_results = role == "user" && content && content->is_array() && PartsText(*content).empty();
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  if (!only_results) out.push_back(std::move(message));
}

// Items of OpenAI's Responses API.
void AddItem(const json::object& item, json::array& out) {
  const std::string_view type = TextField(item, "type");
  if (type == "function_call") {
    const json::value* arguments = item.if_contains("arguments");
    json::array calls = {ToolCall(TextField(item, "call_id"), TextField(item, "name"), arguments ? *arguments : json::value("{}"))};
    out.push_back(json::object{{"role", "assistant"}, {"content", ""}, {"tool_calls", std::move(calls)}});
  } else if (type == "function_call_output") {
    const json::value* output = item.if_contains("output");
    out.push_back(json::object{{"role", "tool"}, {"tool_call_id", TextField(item, "call_id")}, {"content", output ? PartsText(*output) : ""}});
  } else if (item.contains("role")) {
    AddMessage(item, out);
  }
}

void AddUser(std::string_view text, json::array& out) {
  if (!text.empty()) out.push_back(json::object{{"role", "user"}, {"content", text}});
}

void AddList(const json::array& list, json::array& out) {
  for (const json::value& one : list) {
    if (const json::object* item = one.if_object()) AddItem(*item, out);
    else if (const json::string* text = one.if_string()) AddUser(*text, out);
  }
}

bool AnyText(const json::array& messages) {
  for (const json::value& one : messages) {
    const json::object& message = one.get_object();
    if (!TextField(message, "content").empty() || message.contains("tool_calls")) return true;
  }
  return false;
}

// Chunks of a stream, as OpenAI writes them.
void AddChunk(const json::object& chunk, Traffic& out) {
  const json::array* choices = FindArray(chunk, "choices");
  if (!choices) return;
  for (const json::value& choice : *choices) {
    const json::object* delta = choice.is_object() ? FindObject(choice.get_object(), "delta") : nullptr;
    if (delta) out.response += TextField(*delta, "content");
  }
}

void TakeMessage(const json::object& message, Traffic& out) {
  if (const json::value* content = FirstValue(message, {"content", "parts"})) {
    AddLine(out.response, PartsText(*content));
    AddToolUses(*content, out.tool_calls);
  }
  AddLine(out.response, TextField(message, "refusal"));
  if (const json::array* calls = FindArray(message, "tool_calls")) {
    out.tool_calls.insert(out.tool_calls.end(), calls->begin(), calls->end());
  }
}

void TakeChoices(const json::array& choices, Traffic& out) {
  for (const json::value& value : choices) {
    const json::object* choice = value.if_object();
    if (!choice) continue;
    if (const json::object* message = FindObject(*choice, "message")) TakeMessage(*message, out);
    else AddLine(out.response, TextField(*choice, "text"));
  }
}

void TakeItems(const json::array& items, Traffic& out) {
  for (const json::value& value : items) {
    const json::object* item = value.if_object();
    if (!item) continue;
    if (TextField(*item, "type") == "function_call") {
      const json::value* arguments = item->if_contains("arguments");
      out.tool_calls.push_back(ToolCall(TextField(*item, "call_id"), TextField(*item, "name"), arguments ? *arguments : json::value("{}")));
    } else {
      TakeMessage(*item, out);
    }
  }
}

}  // namespace

bool TakeRequest(const json::value& request, Traffic& out) {
  if (const json::string* text = request.if_string()) {
    AddUser(*text, out.messages);
  } else if (const json::array* list = request.if_array()) {
    AddList(*list, out.messages);
  } else if (const json::object* object = request.if_object()) {
    if (const json::value* system = FirstValue(*object, {"system", "instructions"})) {
      const std::string text = PartsText(*system);
      if (!text.empty()) out.messages.push_back(json::object{{"role", "system"}, {"content", text}});
    }
    const json::value* inner = FirstValue(*object, {"messages", "input", "prompt", "contents", "question", "query", "text"});
    if (inner && (inner->is_string() || inner->is_array())) {
      TakeRequest(*inner, out);
    } else if (object->contains("role")) {
      AddMessage(*object, out.messages);
    }
  }
  return AnyText(out.messages);
}

bool TakeResponse(const json::value& response, Traffic& out) {
  if (const json::string* text = response.if_string()) {
    out.response = std::string(*text);
  } else if (const json::array* list = response.if_array()) {
    for (const json::value& one : *list) {
      const json::object* object = one.if_object();
      if (!object) continue;
      if (TextField(*object, "object") == "chat.completion.chunk") AddChunk(*object, out);
      else TakeMessage(*object, out);
    }
  } else if (const json::object* object = response.if_object()) {
    if (const json::array* choices = FindArray(*object, "choices")) {
      TakeChoices(*choices, out);
    } else if (const json::array* items = FindArray(*object, "output")) {
      TakeItems(*items, out);
    } else if (object->contains("content") || object->contains("tool_calls")) {
      TakeMessage(*object, out);
    } else {
      out.response = FirstText(*object, {"output", "text", "completion", "answer", "response", "generation"});
    }
  }
  return !out.response.empty() || !out.tool_calls.empty();
}

}  // namespace plumb::data
