// What a turn tells its vendor beside the question, and what it learns beside the text: who answered after how many
// attempts, from the cache or not, and what it costs. Private to this room.
#pragma once

#include "runtime/gateway/turn.h"

namespace plumb::gateway {

// Before the question goes out.
void PrepareAsk(Turn& turn);
// The first piece of a stream, before any byte of the answer is written: who speaks.
void TakeSpeaker(Turn& turn, const provider::ChatDelta& first);
// The whole answer.
void TakeVendor(Turn& turn, const provider::ChatResponse& response);
// After the guard: an answer that was let through as it was may be kept for the same question.
void KeepAnswer(const Turn& turn, const provider::ChatResponse& response);

}  // namespace plumb::gateway
