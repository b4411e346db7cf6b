// The checks of check.h, one file for each kind, and what they ask of the tree.
#pragma once

#include "intent/policy/example_file.h"

namespace plumb::policy {

// check_references.cc: whoever and whatever is named exists: clauses, people, playbooks, the categories of outside
// frameworks.
void CheckReferences(const Node& policy, Problems& problems);
// check_actions.cc: what is done fits what it is done to, and the targets one another.
void CheckActions(const Node& policy, Problems& problems);
// check_routes.cc: every route can be reached, and does not contradict itself.
void CheckRoutes(const Node& policy, Problems& problems);
// check_rules.cc: tool rules, limits, splits and prompts can be followed.
void CheckRules(const Node& policy, Problems& problems);
// The ids a "when: {clause}" may have besides AllClauses: "limits", "tools/…".
std::vector<std::string> RuleClauseNames(const Node& policy);

// The items of the list `key`; none where it is missing.
const std::vector<Node>& Items(const Node& node, std::string_view key);
// Where the child `key` stands, or where the node does.
const Place& PlaceOf(const Node& node, std::string_view key);
// The number under `key`; nothing where it is missing.
std::optional<double> NumberOf(const Node& node, std::string_view key);
bool Contains(const std::vector<std::string>& list, std::string_view text);
// The end of "no clause is called 'x'": the nearest known name, or all of them.
std::string Known(std::string_view name, const std::vector<std::string>& known);
// The ids a "clause" may have: the categories', "principle/ID"…, "scope" and "tone" where the policy has them.
std::vector<std::string> AllClauses(const Node& policy);

}  // namespace plumb::policy
