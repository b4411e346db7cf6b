// What is taken out of a request and put back into its answer (guard/placeholder.h). Private to this room.
#pragma once

#include "runtime/gateway/turn.h"

namespace plumb::gateway {

// Takes out of everything but the user's new words what the policy redacts on input and patterns find: earlier turns,
// answers that repeat a value, arguments and results of tools. They were judged when they came; the vendor must not see
// now what it did not see then. Nothing where the route only observes.
asio::awaitable<void> RedactPast(Turn& turn);

// One of the user's new texts, by its verdict.
void RedactNew(Turn& turn, json::string& text, const guard::Verdict& verdict);

// Puts back into an answer what was taken out of its request.
void Restore(const guard::Placeholders& places, Choice& choice);

// Where values were taken out, the record has their placeholders.
void RecordPlaceholders(Turn& turn);

}  // namespace plumb::gateway
