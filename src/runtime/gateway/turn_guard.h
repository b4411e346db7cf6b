// What the guard judges of a turn, and what stands in place of what it does not let through. Private to this room.
#pragma once

#include <string>
#include <string_view>

#include "runtime/gateway/turn.h"
#include "runtime/guard/answer.h"

namespace plumb::gateway {

// Whether a look at a text of this length is so short that it need not leave the gateway's thread: it asks no encoder.
bool Brief(const Turn& turn, size_t bytes);
// Judges one text, on a guard thread unless it is brief; the time counts to the exchange.
asio::awaitable<guard::Verdict> CheckText(Turn& turn, guard::Direction direction, std::string text, std::string prompt);

// Whether the request may go on to the model. Redacts messages and replaces tool results where the policy says so.
asio::awaitable<bool> GuardInput(Turn& turn);

// The steps of one answer's guard, each on a guard thread where it may wait for a classifier.
// What came, and what may be shown by now.
asio::awaitable<guard::AnswerPiece> PushGuard(Turn& turn, guard::AnswerGuard& guard, guard::AnswerPiece piece);
// What was held of the reasoning, where something else begins.
asio::awaitable<guard::AnswerPiece> EndReasoning(Turn& turn, guard::AnswerGuard& guard);
// The rest. The verdict becomes the exchange's, where it is the strictest so far.
struct Finished {
  guard::AnswerPiece rest;  // nothing where blocked
  guard::Verdict verdict;   // of the guard and the rules together; where blocked, else it is the exchange's
  bool blocked = false;     // not to be shown
};
asio::awaitable<Finished> FinishGuard(Turn& turn, guard::AnswerGuard& guard);

// The exchange's action is the strictest that any part asked for.
void TakeAction(Exchange& exchange, const guard::Verdict& verdict);

// Texts of several choices stand in the record below one another.
void AddText(std::string& all, std::string_view text);

// What the caller gets in place of a text that is not let through: our own answer for redirect, rewrite and refuse, the
// protocol's content filter for block, quarantine and hold.
Choice Withhold(const Turn& turn, const guard::Verdict& verdict);

}  // namespace plumb::gateway
