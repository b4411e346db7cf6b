// A turn whose answer waits for a person. Private to this room.
//
// The whole of the answer is held, whichever part of it asked for that: a stream that had begun could not be called
// back, so where an answer may have to wait nothing is said before all of it is there. The caller gets 202 with
// `Location: /v1/exchanges/{id}`, or waits with `x-plumb-wait: SECONDS` or `Prefer: wait=SECONDS` (RFC 7240) and gets the
// answer as if nothing had happened, once somebody decides in time.
#pragma once

#include "runtime/gateway/hold.h"
#include "runtime/gateway/turn.h"

namespace plumb::gateway {

inline constexpr std::chrono::seconds kLongestWait{600};

// Whether this turn's answer may have to wait: then it is gathered before anything is said.
bool MayHold(const Turn& turn);
// Whether it has to.
bool MustHold(const Turn& turn);

// Records, waits as long as the caller does, and answers: with what was decided, or with 202.
asio::awaitable<void> HoldAnswer(Turn& turn, Answer answer);
// Sends a recorded answer as the caller asked for it: whole or as a stream.
asio::awaitable<void> SendRecorded(Turn& turn, const Answer& answer, const ledger::Receipt& receipt);

// How long the caller is ready to wait; 0 where it does not say. At most kLongestWait.
std::chrono::seconds PatienceOf(const net::Request& request);

// What /v1/exchanges/{id} says of a held exchange, added to `body`; the HTTP status. `own`: it is told to who asked for the
// answer; others see placeholders where the record has them.
int DescribeHold(const Hold& hold, bool reviewer, bool own, json::object& body);

// GET /api/held, GET and POST /api/held/{id}; `path` is what stands behind /api.
asio::awaitable<void> HeldApi(Service& service, net::Request& request, net::ResponseWriter& out, const std::string& path);

}  // namespace plumb::gateway
