// What a policy's rules say of a turn: limits, tool-call rules, a leaked prompt. Rules need no judgement, and what they
// find joins the verdicts of the guard. Private to this room.
#pragma once

#include <optional>
#include <string>

#include "runtime/gateway/turn.h"

namespace plumb::gateway {

// Whether the prompt keeps the policy's limits. Where not and the action is to refuse or block, the input's verdict says so.
asio::awaitable<void> CheckLimits(Turn& turn);
// A prompt over a limit that blocks is the caller's mistake: recorded, and answered with 400.
asio::awaitable<void> AnswerOverLimit(Turn& turn);

// What the tool rules say of an answer's calls (OpenAI's form), joined to the guard's verdict on it.
void JoinToolRules(Turn& turn, const json::array& calls, guard::Verdict& verdict);

// What the user asked, where it is not ours to answer (scope.h).
void JoinScope(const Turn& turn, std::string_view asked, guard::Verdict& verdict);

// An answer that gives the injected prompt away, under the clause that looks for canaries. `leaked`: what the scan said.
void JoinLeak(const Turn& turn, bool leaked, guard::Verdict& verdict);
// Whether answers are to be looked at for it.
bool WatchesLeaks(const Turn& turn);

// The words of a rule's clause; "" where it has none of its own.
std::string RuleSay(const policy::Policy& policy, std::string_view clause);

}  // namespace plumb::gateway
