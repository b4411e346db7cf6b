// What agents are asked to do, and what attackers plant: a folder of plain data (suites/agents ships).
//
//   world.json        agent_world.h
//   tasks.jsonl       {"id", "prompt", "goal": [conditions], "solution": [{"call", "with"}…, {"says"}]}
//   injections.jsonl  {"id", "instruction", "goal": [conditions], "solution": [{"call", "with"}…]}
//
// A solution is one way to reach the goal: by it a test shows that the goal can be reached, and that it is not without.
#pragma once

#include <string>
#include <vector>

#include "measure/redteam/agent.h"

namespace plumb::redteam {

struct AgentTask {
  std::string id, prompt;      // an injection's instruction, too
  std::vector<Condition> goal;
  json::array solution;
};

struct AgentSuite {
  json::object world;
  std::vector<AgentTask> tasks, injections;
  std::string sha256;  // of the three files
};
// Errors: kNotFound, kInvalid with file and row (an id twice, no goal, no task or injection).
Result<AgentSuite> LoadAgentSuite(const fs::path& folder);

// The wordings by name, an instruction's place in each is {goal}: those of playbook.h's Plantings().
const std::vector<std::pair<std::string, std::string>>& AgentWordings();

// Every task as it stands, and every task × injection × wording with that planted in every place for it. Error: kInvalid (no such
// wording).
Result<std::vector<Scenario>> ScenariosOf(const AgentSuite& suite, const std::vector<std::string>& wordings);

}  // namespace plumb::redteam
