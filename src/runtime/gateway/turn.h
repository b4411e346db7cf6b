// One request on its way through the gateway, whatever API it came by:
// authorise → route → guard the input → ask the provider → guard the output → record → answer. Private to this room.
//
//   turn.cc         the steps in order, the record, and answers that are no answer (errors)
//   turn_guard.cc   what is judged, and what stands in place of what is not let through
//   turn_rules.cc   what is decided by rule: limits, tool calls, scope, a leaked prompt
//   hold_turn.cc    the answer that waits for a person
//   turn_whole.cc   the answer at once
//   turn_stream.cc  the answer as it is written
//   turn_places.cc  what is taken out of a request and put back into its answer
//   turn_again.cc   the model is asked once more
//   turn_pass.cc    what a route passes on as it is
//   turn_post.cc    what is no chat: one question passed on, one answer passed back (embeddings, token counts)
#pragma once

#include <chrono>
#include <string>

#include "runtime/gateway/limits.h"
#include "runtime/gateway/service.h"
#include "runtime/gateway/surface.h"
#include "runtime/gateway/trace.h"
#include "runtime/guard/placeholder.h"

namespace plumb::gateway {

using Steady = std::chrono::steady_clock;

struct Turn {
  Turn(Service& service, const Surface& surface, const net::Request& asked, net::ResponseWriter& out);

  Service& service;
  const Surface& surface;
  const net::Request& asked;
  net::ResponseWriter& out;
  Force force = service.force;  // to its end, whatever is reloaded meanwhile
  const Stance* stance = force.get();  // what holds for this request: overlays, the arm it was dealt
  policy::LoadOptions where;           // it comes from, as its headers say
  Steady::time_point start = Steady::now();
  Trace trace;
  Head head;
  Call call;            // `call.request` as the provider gets it
  Exchange exchange;
  Answerer answerer;
  const policy::Route* route = nullptr;
  const policy::Arm* arm = nullptr;  // nullptr: the route does not split
  const guard::Guard* guard = nullptr;
  const Prompt* prompt = nullptr;    // what was put in front; nullptr: nothing
  std::optional<Prompt> own_prompt;  // an arm's
  std::string over_limit;            // which limit blocks it; empty: none
  Answer said;                       // by the model, where a shadow is to see it
  bool enforce = true;  // false: verdicts are recorded and change nothing
  guard::Placeholders places;  // what was taken out of the request, to be put back into its answer
  bool answers = true;  // a text is written: false for embeddings and counts
  Admission admission;  // its place in the caller's budgets; settled by Close

  double Elapsed() const { return MillisSince(start); }
};

// The steps before the provider: authorise, route, guard the input.
enum class Entry {
  kAnswered,  // what the caller did wrong was said; nothing is left to do
  kMayPass,   // the provider may be asked
  kWithheld,  // the input's verdict forbids it
};
asio::awaitable<Entry> Enter(Turn& turn);

// Parts of Enter. Who answers, under which policy and which of its routes; `call.request.model` is what was asked for.
Status FindRoute(Turn& turn, const Caller& caller);
void OpenExchange(Turn& turn, const Caller& caller);
void SetHeaders(Turn& turn);

// Runs a turn between the beginning and the end of its trace.
asio::awaitable<void> Traced(Turn& turn, asio::awaitable<void> (*take)(Turn&));

// The whole of it, for surfaces that chat.
asio::awaitable<void> Serve(Service& service, const Surface& surface, net::Request& request, net::ResponseWriter& out);

// Fills in the times and records. Where the ledger cannot take it the route's stakes decide: high, and this is an error
// and nothing may be said; otherwise the receipt is empty (Unrecorded), and the caller is told.
asio::awaitable<Result<ledger::Receipt>> Close(Turn& turn);
inline bool Unrecorded(const ledger::Receipt& receipt) { return receipt.leaf_hash.empty(); }
// x-plumb-receipt: "INDEX:LEAF_HASH", or "unrecorded".
void SetReceipt(Turn& turn, const ledger::Receipt& receipt);
asio::awaitable<void> AnswerError(Turn& turn, Error error);
asio::awaitable<void> AnswerUnrecorded(Turn& turn);
// "input=allow; output=redact"
std::string VerdictHeader(const Turn& turn);
// The comment at a stream's end: verdicts and receipt, on one line.
std::string ClosingComment(const Exchange& exchange, const ledger::Receipt& receipt);

// turn_limits.cc: whether the caller's budgets have room; where not, the refusal has been sent.
asio::awaitable<bool> Admit(Turn& turn, const Caller& caller);
void SettleTurn(Turn& turn);

// turn_whole.cc
asio::awaitable<void> AnswerWhole(Turn& turn);
// Records and sends what is already guarded.
asio::awaitable<void> SendWhole(Turn& turn, Answer answer);

// turn_pass.cc: a route of the mode `pass` judges and records nothing. False: this is not for such a route, or cannot be
// passed on; nothing was said yet.
asio::awaitable<bool> PassOn(Turn& turn);
// Error: the route passes requests on, and this is one that it cannot.
Status MayPass(const Turn& turn);

// turn_post.cc
asio::awaitable<void> Embeddings(Service& service, net::Request& request, net::ResponseWriter& out);
asio::awaitable<void> CountTokens(Service& service, net::Request& request, net::ResponseWriter& out);

// turn_stream.cc
asio::awaitable<void> AnswerStream(Turn& turn);
// Streams `instead`, which stands in place of an answer.
asio::awaitable<void> SendStreamed(Turn& turn, Choice instead);

}  // namespace plumb::gateway
