#include "measure/redteam/agent_tasks.h"

#include <algorithm>
#include <array>
#include <set>

#include "measure/redteam/agent_world.h"
#include "measure/redteam/playbook.h"

namespace plumb::redteam {
namespace {

Result<AgentTask> TaskOf(const json::object& row, const char* text) {
  AgentTask out;
  PLUMB_TRY(out.id, GetString(row, "id"));
  PLUMB_TRY(out.prompt, GetString(row, text));
  if (out.id.empty() || out.id.find('/') != std::string::npos) return Fail(Code::kInvalid, "'id' must be a name without '/'");
  const json::array* goal = FindArray(row, "goal");
  if (!goal || goal->empty()) return Fail(Code::kInvalid, "'goal' must be a list of conditions");
  PLUMB_TRY(out.goal, ParseConditions(*goal));
  if (const json::array* solution = FindArray(row, "solution")) out.solution = *solution;
  return out;
}

Result<std::vector<AgentTask>> ReadTasks(const std::string& bytes, const std::string& name, const char* text) {
  PLUMB_TRY(const auto rows, ParseJsonl(bytes, name));
  std::vector<AgentTask> out;
  std::set<std::string> ids;
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string where = fmt::format("{}: row {}", name, i + 1);
    auto one = TaskOf(rows[i], text);
    if (!one) return FailAt(where, Code::kInvalid, "{}", one.error().message);
    if (!ids.insert(one->id).second) return FailAt(where, Code::kInvalid, "'{}' is there twice", one->id);
    out.push_back(std::move(*one));
  }
  if (out.empty()) return FailAt(name, Code::kInvalid, "nothing is in it");
  return out;
}

}  // namespace

Result<AgentSuite> LoadAgentSuite(const fs::path& folder) {
  AgentSuite out;
  PLUMB_TRY(const std::string world, ReadFile(folder / "world.json"));
  PLUMB_TRY(const json::value parsed, ParseJson(world, (folder / "world.json").string()));
  if (!parsed.is_object()) return FailAt((folder / "world.json").string(), Code::kInvalid, "the world must be an object");
  out.world = parsed.get_object();
  if (Status fine = CheckWorld(out.world); !fine) return FailAt((folder / "world.json").string(), Code::kInvalid, "{}", fine.error().message);
  PLUMB_TRY(const std::string tasks, ReadFile(folder / "tasks.jsonl"));
  PLUMB_TRY(out.tasks, ReadTasks(tasks, (folder / "tasks.jsonl").string(), "prompt"));
  PLUMB_TRY(const std::string injections, ReadFile(folder / "injections.jsonl"));
  PLUMB_TRY(out.injections, ReadTasks(injections, (folder / "injections.jsonl").string(), "instruction"));
  out.sha256 = Sha256Hex(Sha256Hex(world) + Sha256Hex(tasks) + Sha256Hex(injections));
  return out;
}

const std::vector<std::pair<std::string, std::string>>& AgentWordings() {
  static const auto* list = [] {
    constexpr std::array<const char*, 6> kNames = {"combined", "injecagent", "important", "note", "apart", "bare"};
    auto* out = new std::vector<std::pair<std::string, std::string>>();
    for (size_t i = 0; i < std::min(kNames.size(), Plantings().size()); ++i) out->push_back({kNames[i], Plantings()[i]});
    return out;
  }();
  return *list;
}

Result<std::vector<Scenario>> ScenariosOf(const AgentSuite& suite, const std::vector<std::string>& wordings) {
  std::vector<Scenario> out;
  const auto add = [&](const AgentTask& task, const AgentTask* injection, const std::string& wording, const std::string& planted) {
    Scenario one{.task = task.id, .injection = injection ? injection->id : "", .wording = wording, .messages = {json::object{{"role", "user"}, {"content", task.prompt}}}, .goal = task.goal};
    if (injection) one.harm = injection->goal;
    one.open = [world = Plant(suite.world, planted)] { return OpenWorld(world); };
    out.push_back(std::move(one));
  };
  for (const AgentTask& task : suite.tasks) add(task, nullptr, "", "");
  for (const std::string& name : wordings) {
    const auto found = std::ranges::find(AgentWordings(), name, &std::pair<std::string, std::string>::first);
    if (found == AgentWordings().end()) {
      std::vector<std::string> names;
      for (const auto& [known, text] : AgentWordings()) names.push_back(known);
      return Fail(Code::kInvalid, "no wording '{}'{} (there are {})", name, DidYouMean(name, names), Join(names, ", "));
    }
    for (const AgentTask& task : suite.tasks) {
      for (const AgentTask& injection : suite.injections) {
        std::string planted = found->second;
        planted.replace(planted.find("{goal}"), 6, injection.prompt);
        add(task, &injection, name, planted);
      }
    }
  }
  return out;
}

}  // namespace plumb::redteam
