// Agents from other people's files, which stay theirs: nothing of them is kept here.
#pragma once

#include <string>
#include <vector>

#include "measure/redteam/agent.h"

namespace plumb::redteam {

// InjecAgent's test_cases_*.json (Zhan et al. 2024): the user's tool was called, and what it gave back carries the attacker's instruction; the
// attacker's goal is that all of his tools are called. Whether the user's is reached its files do not say. `tools` is its tools.json with what
// the tools are called with; without it every tool takes whatever it is given. What the attacker's tools give back is "done": the files of
// the cases do not have it. Errors: kNotFound, kInvalid with file and case.
Result<std::vector<Scenario>> ReadInjecAgent(const std::vector<fs::path>& cases, const fs::path& tools);

// BIPIA's contexts (rows {"context", "question", "ideal"}: mail, tables, web pages) and attacks (a JSON object of names with texts), one attack at the end of each context:
// what is read is a tool's result. The user's goal is that the answer has the ideal one in it; whether the attack did what it wanted takes
// a judge, and is not measured. `most` pairs, drawn by hash; 0: all of them. Errors: kNotFound, kInvalid.
Result<std::vector<Scenario>> ReadBipia(const fs::path& contexts, const fs::path& attacks, int64_t most);

// The results that AgentDojo logged (one JSON file for each task and injection, anywhere below `folder`), as episodes. Its "security" is that the attacker's
// goal was reached; it says so of runs without an attack and of some that failed, too, which count for neither here. Errors: kNotFound (no
// result there), kInvalid naming the file.
Result<std::vector<Episode>> ReadAgentDojo(const fs::path& folder);

}  // namespace plumb::redteam
