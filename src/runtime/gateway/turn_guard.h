// What the guard judges of a turn, and what stands in place of what it does not let through. Private to this room.
#pragma once

#include <string>

#include "runtime/gateway/turn.h"

namespace plumb::gateway {

// Judges one text on a guard thread; the time counts to the exchange.
asio::awaitable<guard::Verdict> CheckText(Turn& turn, guard::Direction direction, std::string text, std::string prompt);

// Whether the request may go on to the model. Redacts messages and replaces tool results where the policy says so.
asio::awaitable<bool> GuardInput(Turn& turn);

// Tool calls are judged by what they would do: name and arguments. True where one is not let through.
asio::awaitable<bool> GuardToolCalls(Turn& turn, const json::array& calls);

// The exchange's action is the strictest that any part asked for.
void TakeAction(Exchange& exchange, guard::Action action, const std::string& clause);
// The exchange's output verdict is the strictest of its parts.
void TakeOutput(Exchange& exchange, const guard::Verdict& verdict);

// What the caller gets in place of a text that is not let through: our own answer for redirect, rewrite and refuse, the
// protocol's content filter for block, quarantine and hold.
Choice Withhold(const Turn& turn, const guard::Verdict& verdict);

}  // namespace plumb::gateway
