// One request and its answer, and how it stands in the ledger.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "evidence/ledger/ledger.h"
#include "runtime/provider/provider.h"
#include "runtime/guard/guard.h"

namespace plumb::gateway {

struct Exchange {
  std::string id;               // "exc_…"
  std::string api;              // by which it was asked: "chat", "messages", …
  std::string model;            // as asked for
  std::string target, provider;  // who answered
  std::string key;              // whose key it was
  std::string subject;          // the end user, where the application names one
  bool stream = false;
  std::string mode;             // the route's: enforce | observe
  std::string log;              // full | hashed | none
  std::string status = "ok";    // ok | error | disconnected
  std::string error;            // of the provider, for the record
  std::optional<guard::Verdict> input, output;
  guard::Action action = guard::Action::kAllow;  // the strictest of both, done or (observing) not done
  std::string clause;           // whose action it is
  std::string finish_reason;
  provider::Usage usage;
  json::array messages;         // as the application sent them
  std::string response;         // what it was given (observing and refused alike)
  std::string withheld;         // what the model said and the application was not given
  double total_ms = 0, guard_input_ms = 0, guard_output_ms = 0, first_text_ms = 0;
};

// What it is bound to: "policy", "guard".
struct Bound {
  std::string policy, guard;
};

ledger::Entry ToEntry(const Exchange& exchange, const Bound& bound);
// A row of /api/exchanges, from the ledger.
json::object ExchangeRow(const ledger::Stored& stored);
// /api/exchanges/{id}: the row, texts, verdicts; receipt and proof are added by who has the ledger.
json::object ExchangeDetail(const ledger::Stored& stored);

}  // namespace plumb::gateway
