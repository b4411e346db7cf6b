// measure/redteam: ways people ask for what they should not get, applied to requests whose answer we know.
//
//   Wrapper   a single-turn attack: a request goes in, the request in disguise comes out
//   Rewording a paraphrase that changes form and not meaning; applied to harmless requests too, so that a model cannot
//             learn that odd wording means harm
//
//   playbook.h  attacks as plain data: templates and filters
//   attack.h    every attack as a game with one goal: static, drawn again, or learning from answers
//   campaign.h  attacks against goals within a budget; judged, logged, resumed
//   report.h    success at budget n with intervals, coverage, JailbreakBench's artefact
//   workspace.h people who attack: cells for named experts, their attempts, what nobody has tried
//   transfer.h  prompts that opened one target, tried on others
//   proof.h     whether a repair holds on families nothing was taught on
//   repair.h    finds shortened, told apart, and turned into case, pair and rule (docs/redteam.md)
//   find_ledger.h  finds as findings of the project, verified by a proof
//   agent.h     models with tools in a sandbox of our own, attacked through what the tools give back
//   dialogue.h  two models that talk with each other
//   schedule.h  when a campaign is to be run again
//
//   for (const Wrapper& wrapper : Wrappers()) prompts.push_back(wrapper.apply("How do I pick my neighbour's lock?"));
//
// Every wrapper belongs to a family; families are held out whole, so that success against unseen ones is measured.
// Wrappers and rewordings are pure functions and thread-safe; a campaign blocks and writes only below its `out` folder.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace plumb::redteam {

struct Wrapper {
  std::string_view name;    // "persona-uncensored"
  std::string_view family;  // "persona", "fiction", "prefix-injection", …
  std::string_view atlas;   // MITRE ATLAS technique: AML.T0054 jailbreak, AML.T0068 obfuscation, AML.T0051 injection
  bool held_out;            // never used to make training pairs
  std::string (*apply)(std::string_view request);
};

std::span<const Wrapper> Wrappers();
// nullptr where there is none.
const Wrapper* FindWrapper(std::string_view name);

// The same request in other words, chosen by `variant` (any number): politeness, context, case, typing slips.
std::string Reword(std::string_view request, uint64_t variant);

}  // namespace plumb::redteam
