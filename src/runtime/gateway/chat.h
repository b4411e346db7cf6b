// One chat request on its way through the gateway. Private to this room.
#pragma once

#include <chrono>
#include <string>

#include "runtime/gateway/chat_request.h"
#include "runtime/gateway/service.h"

namespace plumb::gateway {

using Steady = std::chrono::steady_clock;

struct ChatTurn {
  Service& service;
  net::ResponseWriter& out;
  Steady::time_point start = Steady::now();
  int64_t created = 0;
  Exchange exchange;
  provider::ChatRequest request;  // as the provider gets it
  Answerer answerer;
  const policy::Route* route = nullptr;
  const guard::Guard* guard = nullptr;
  bool enforce = true;
  bool include_usage = false;

  double Elapsed() const;
};

// What the caller gets in place of a text that is not let through: our own answer for redirect, rewrite and refuse, the
// protocol's content filter for block, quarantine and hold.
struct Withheld {
  std::string text, refusal, finish_reason;
};
Withheld Withhold(const ChatTurn& turn, const guard::Verdict& verdict);
// The words of the clause that acted.
std::string SayFor(const ChatTurn& turn, const guard::Verdict& verdict);

// Fills in the times and records. Error: nothing may be said then.
asio::awaitable<Result<ledger::Receipt>> Close(ChatTurn& turn);
asio::awaitable<void> AnswerError(ChatTurn& turn, Error error);
asio::awaitable<void> AnswerUnrecorded(ChatTurn& turn);

// chat_stream.cc
asio::awaitable<void> AnswerStream(ChatTurn& turn);
asio::awaitable<void> StreamInstead(ChatTurn& turn, Withheld instead);

}  // namespace plumb::gateway
