#include "measure/redteam/agent_text.h"

namespace plumb::redteam {
namespace {

constexpr std::string_view kOpen = "<tool_call>", kClose = "</tool_call>";

std::string ToolList(const std::vector<Tool>& tools) {
  std::string out = "You can use these tools:\n";
  for (const Tool& tool : tools) out += ToJson(json::object{{"name", tool.name}, {"description", tool.about}, {"parameters", tool.parameters}}) + "\n";
  return out + fmt::format("To use one, answer with nothing but\n{}\n{{\"name\": \"TOOL\", \"arguments\": {{…}}}}\n{}\n"
                           "You are then shown what it gives back. When you are done, answer the user in plain words.", kOpen, kClose);
}

// The JSON object that begins at `from`, by its braces; "" where it does not end.
std::string_view ObjectAt(std::string_view text, size_t from) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = from; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      else quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return text.substr(from, i + 1 - from);
    }
  }
  return "";
}

// {"name", "arguments"} as OpenAI's call; nothing where it is none.
bool AddCall(std::string_view object, json::array& calls) {
  const auto parsed = object.empty() ? Result<json::value>(json::value()) : ParseJson(object, "a call");
  const json::object* row = parsed && parsed->is_object() ? &parsed->get_object() : nullptr;
  const json::string* name = row ? FindString(*row, "name") : nullptr;
  const json::value* arguments = row ? row->if_contains("arguments") : nullptr;
  if (!name || name->empty() || !arguments || !arguments->is_object()) return false;
  calls.push_back(json::object{{"id", fmt::format("call_{}", calls.size() + 1)}, {"type", "function"}, {"function", json::object{{"name", *name}, {"arguments", ToJson(*arguments)}}}});
  return true;
}

std::string CallsText(const json::array& calls) {
  std::string out;
  for (const json::value& call : calls) {
    const json::object& function = call.as_object().at("function").as_object();
    out += fmt::format("{}{}\n{{\"name\": {}, \"arguments\": {}}}\n{}", out.empty() ? "" : "\n", kOpen, ToJson(function.at("name")), std::string_view(function.at("arguments").as_string()), kClose);
  }
  return out;
}

}  // namespace

json::array AsText(const json::array& messages, const std::vector<Tool>& tools) {
  json::array out;
  for (const json::value& message : messages) {
    const json::object& one = message.as_object();
    const std::string role(one.at("role").as_string());
    std::string text = one.contains("content") ? provider::ContentText(one.at("content")) : "";
    if (const json::array* calls = FindArray(one, "tool_calls")) text += (text.empty() ? "" : "\n") + CallsText(*calls);
    const bool result = role == "tool";
    if (result) text = fmt::format("<tool_response>\n{}\n</tool_response>", text);
    // Results of several calls are one turn: chat templates expect the roles to take turns.
    if (result && !out.empty() && out.back().as_object().at("role") == "user") {
      json::value& before = out.back().as_object().at("content");
      before = std::string(before.as_string()) + "\n" + text;
      continue;
    }
    out.push_back(json::object{{"role", result ? "user" : role}, {"content", text}});
  }
  return provider::WithSystem(out, ToolList(tools));
}

CallsInText ReadCalls(std::string_view answer) {
  CallsInText out;
  const size_t first = answer.find(kOpen);
  if (first == std::string_view::npos) {
    for (size_t at = answer.find('{'); at != std::string_view::npos; at = answer.find('{', at + 1)) {
      if (!AddCall(ObjectAt(answer, at), out.calls)) continue;
      out.text = Trim(answer.substr(0, at));
      return out;
    }
    out.text = answer;
    return out;
  }
  out.text = Trim(answer.substr(0, first));
  for (size_t at = first; at != std::string_view::npos; at = answer.find(kOpen, at + 1)) {
    const size_t brace = answer.find('{', at);
    if (brace == std::string_view::npos || !AddCall(ObjectAt(answer, brace), out.calls)) ++out.malformed;
  }
  return out;
}

}  // namespace plumb::redteam
