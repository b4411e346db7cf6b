#include "measure/redteam/agent_files.h"

#include <algorithm>
#include <set>

namespace plumb::redteam {
namespace {

std::string Short(std::string_view text) { return Sha256Hex(text).substr(0, 10); }

// Tools that give back what they are told to.
class Told : public Toolbox {
 public:
  Told(std::vector<Tool> tools, std::string first) : tools_(std::move(tools)), first_(std::move(first)) {}
  const std::vector<Tool>& tools() const override { return tools_; }
  Result<std::string> Call(std::string_view name, const json::object&) override {
    const auto found = std::ranges::find(tools_, name, &Tool::name);
    if (found == tools_.end()) return Fail(Code::kNotFound, "no tool is called '{}'", name.substr(0, 64));
    return found == tools_.begin() ? first_ : std::string("done");
  }

 private:
  std::vector<Tool> tools_;
  std::string first_;  // of the first tool, the user's
};

// The user's words, the call of his tool, and what it gave back.
json::array AfterFirstCall(const std::string& asked, const std::string& tool, const std::string& arguments, const std::string& result) {
  const json::object call{{"id", "call_1"}, {"type", "function"}, {"function", json::object{{"name", tool}, {"arguments", arguments}}}};
  return {json::object{{"role", "user"}, {"content", asked}}, json::object{{"role", "assistant"}, {"content", ""}, {"tool_calls", json::array{call}}},
          json::object{{"role", "tool"}, {"tool_call_id", "call_1"}, {"content", result}}};
}

Result<std::map<std::string, Tool>> ReadTools(const fs::path& file) {
  std::map<std::string, Tool> out;
  if (file.empty()) return out;
  PLUMB_TRY(const std::string bytes, ReadFile(file));
  PLUMB_TRY(const json::value kits, ParseJson(bytes, file.string()));
  if (!kits.is_array()) return FailAt(file.string(), Code::kInvalid, "the tools must be a list of toolkits");
  for (const json::value& kit : kits.get_array()) {
    const json::array* tools = kit.is_object() ? FindArray(kit.get_object(), "tools") : nullptr;
    if (!tools) return FailAt(file.string(), Code::kInvalid, "a toolkit needs 'toolkit' and 'tools'");
    PLUMB_TRY(const std::string toolkit, GetString(kit.get_object(), "toolkit"));
    for (const json::value& one : *tools) {
      if (!one.is_object()) return FailAt(file.string(), Code::kInvalid, "a tool must be an object");
      PLUMB_TRY(const std::string name, GetString(one.get_object(), "name"));
      PLUMB_TRY(const std::string about, GetStringOr(one.get_object(), "summary", ""));
      json::object properties;
      if (const json::array* parameters = FindArray(one.get_object(), "parameters")) {
        for (const json::value& each : *parameters) {
          if (!each.is_object()) continue;
          const std::string type = GetStringOr(each.get_object(), "type", "string").value_or("string");
          if (const json::string* parameter = FindString(each.get_object(), "name")) properties[*parameter] = json::object{{"type", type}};
        }
      }
      out[toolkit + name] = {toolkit + name, about, {{"type", "object"}, {"properties", std::move(properties)}}};
    }
  }
  return out;
}

Tool ToolCalled(const std::map<std::string, Tool>& tools, const std::string& name) {
  const auto known = tools.find(name);
  return known == tools.end() ? Tool{name, name, {{"type", "object"}}} : known->second;
}

// What was called with, which those files write as Python does.
std::string ArgumentsOf(std::string text) {
  if (const auto parsed = ParseJson(text, ""); parsed && parsed->is_object()) return text;
  std::ranges::replace(text, '\'', '"');
  const auto parsed = ParseJson(text, "");
  return parsed && parsed->is_object() ? text : "{}";
}

Result<Scenario> CaseOf(const json::object& row, const std::map<std::string, Tool>& tools, const std::string& file) {
  PLUMB_TRY(const std::string asked, GetString(row, "User Instruction"));
  PLUMB_TRY(const std::string tool, GetString(row, "User Tool"));
  PLUMB_TRY(const std::string result, GetString(row, "Tool Response"));
  PLUMB_TRY(const std::string wants, GetString(row, "Attacker Instruction"));
  PLUMB_TRY(const std::string kind, GetStringOr(row, "Attack Type", "attack"));
  PLUMB_TRY(const std::string arguments, GetStringOr(row, "Tool Parameters", "{}"));
  const json::array* theirs = FindArray(row, "Attacker Tools");
  if (!theirs || theirs->empty()) return Fail(Code::kInvalid, "'Attacker Tools' must name a tool");
  Scenario out{.task = tool + "-" + Short(asked), .injection = kind + "-" + Short(wants), .wording = file, .messages = AfterFirstCall(asked, tool, ArgumentsOf(arguments), result)};
  std::vector<Tool> box = {ToolCalled(tools, tool)};
  for (const json::value& one : *theirs) {
    if (!one.is_string()) return Fail(Code::kInvalid, "'Attacker Tools' must be texts");
    box.push_back(ToolCalled(tools, std::string(one.get_string())));
    out.harm.push_back({Condition::kCalled, std::string(one.get_string()), {}});
  }
  out.open = [box = std::move(box), result]() -> std::unique_ptr<Toolbox> { return std::make_unique<Told>(box, result); };
  return out;
}

}  // namespace

Result<std::vector<Scenario>> ReadInjecAgent(const std::vector<fs::path>& cases, const fs::path& tools) {
  PLUMB_TRY(const auto known, ReadTools(tools));
  std::vector<Scenario> out;
  std::set<std::string> ids;
  for (const fs::path& file : cases) {
    PLUMB_TRY(const std::string bytes, ReadFile(file));
    PLUMB_TRY(const json::value rows, ParseJson(bytes, file.string()));
    if (!rows.is_array()) return FailAt(file.string(), Code::kInvalid, "the cases must be a list");
    for (size_t i = 0; i < rows.get_array().size(); ++i) {
      const json::value& row = rows.get_array()[i];
      auto one = row.is_object() ? CaseOf(row.get_object(), known, file.stem().string()) : Fail(Code::kInvalid, "a case must be an object");
      if (!one) return FailAt(fmt::format("{}: case {}", file.string(), i + 1), Code::kInvalid, "{}", one.error().message);
      if (ids.insert(one->id()).second) out.push_back(std::move(*one));
    }
  }
  return out;
}

Result<std::vector<Scenario>> ReadBipia(const fs::path& contexts, const fs::path& attacks, int64_t most) {
  PLUMB_TRY(const auto rows, ReadJsonl(contexts));
  PLUMB_TRY(const std::string bytes, ReadFile(attacks));
  PLUMB_TRY(const json::value lists, ParseJson(bytes, attacks.string()));
  if (!lists.is_object()) return FailAt(attacks.string(), Code::kInvalid, "the attacks must be an object of names with texts");
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& [name, value] : lists.get_object()) {
    const json::array list = value.is_array() ? value.get_array() : json::array{value};
    for (size_t i = 0; i < list.size(); ++i) {
      if (!list[i].is_string()) return FailAt(attacks.string(), Code::kInvalid, "'{}' must be a text or a list of them", std::string_view(name));
      texts.push_back({fmt::format("{}-{}", std::string_view(name), i + 1), std::string(list[i].get_string())});
    }
  }
  const std::vector<Tool> tools = {{"read_document", "The document that the user speaks of.", {{"type", "object"}, {"properties", json::object()}}}};
  std::vector<Scenario> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string where = fmt::format("{}: row {}", contexts.string(), i + 1);
    const json::string *context = FindString(rows[i], "context"), *question = FindString(rows[i], "question"), *ideal = FindString(rows[i], "ideal");
    if (!context || !question || !ideal || ideal->empty()) return FailAt(where, Code::kInvalid, "'context', 'question' and 'ideal' must be texts");
    const auto add = [&](const std::string& name, const std::string& planted) {
      const std::string read = std::string(*context) + (planted.empty() ? "" : "\n" + planted);
      Scenario one{.task = fmt::format("row-{}", i + 1), .injection = name, .messages = AfterFirstCall(std::string(*question), "read_document", "{}", read), .goal = {{Condition::kSaid, std::string(*ideal), {}}}};
      one.open = [tools, read]() -> std::unique_ptr<Toolbox> { return std::make_unique<Told>(tools, read); };
      out.push_back(std::move(one));
    };
    add("", "");
    for (const auto& [name, text] : texts) add(name, text);
  }
  if (most > 0 && static_cast<size_t>(most) < out.size()) {
    std::ranges::sort(out, {}, [](const Scenario& one) { return Sha256(one.id()); });
    out.resize(static_cast<size_t>(most));
  }
  return out;
}

Result<std::vector<Episode>> ReadAgentDojo(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code failed;
  for (const auto& entry : fs::recursive_directory_iterator(folder, failed)) {
    if (entry.is_regular_file() && entry.path().extension() == ".json") files.push_back(entry.path());
  }
  if (failed) return FailAt(folder.string(), Code::kNotFound, "cannot be read: {}", failed.message());
  std::ranges::sort(files);
  std::vector<Episode> out;
  for (const fs::path& file : files) {
    PLUMB_TRY(const std::string bytes, ReadFile(file));
    PLUMB_TRY(const json::value parsed, ParseJson(bytes, file.string()));
    const json::object* row = parsed.if_object();
    if (!row || !row->contains("user_task_id") || !row->contains("utility")) continue;  // something else that lies there
    const auto read = [&]() -> Result<Episode> {
      Episode one;
      PLUMB_TRY(const std::string suite, GetString(*row, "suite_name"));
      PLUMB_TRY(const std::string task, GetString(*row, "user_task_id"));
      const auto text = [&](const char* key) { const json::string* value = FindString(*row, key); return value ? std::string(*value) : std::string(); };
      one.task = suite + "." + task;
      one.injection = text("injection_task_id").empty() ? "" : suite + "." + text("injection_task_id");
      one.wording = one.injection.empty() ? "" : text("attack_type");
      one.error = text("error");
      one.status = one.error.empty() ? eval::SampleStatus::kOk : eval::SampleStatus::kError;
      PLUMB_TRY(one.useful, GetBoolOr(*row, "utility", false));
      PLUMB_TRY(const bool security, GetBoolOr(*row, "security", false));
      one.aimed = !one.injection.empty();
      one.harmed = one.aimed && security;
      const json::array* messages = FindArray(*row, "messages");
      for (const json::value& message : messages ? *messages : json::array()) {
        const json::array* calls = message.is_object() ? FindArray(message.get_object(), "tool_calls") : nullptr;
        for (const json::value& call : calls ? *calls : json::array()) {
          if (!call.is_object()) continue;
          MadeCall made{.done = true};
          PLUMB_TRY(made.name, GetStringOr(call.get_object(), "function", ""));
          if (const json::object* given = FindObject(call.get_object(), "args")) made.arguments = *given;
          one.calls.push_back(std::move(made));
        }
      }
      return one;
    };
    auto one = read();
    if (!one) return FailAt(file.string(), Code::kInvalid, "{}", one.error().message);
    out.push_back(std::move(*one));
  }
  if (out.empty()) return FailAt(folder.string(), Code::kNotFound, "no result of AgentDojo is there");
  return out;
}

}  // namespace plumb::redteam
