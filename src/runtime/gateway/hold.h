// Answers that wait for a person, as the ledger has them.
//
//   Hold      an answer that was not given yet, with all it takes to give it: entry of kind "hold"
//   Decision  what a person said of it: entry of kind "review"; the first one stands
//
//   PLUMB_TRY(auto receipt, PutHold(ledger, hold));
//   PLUMB_TRY(auto waiting, ListHolds(ledger, now, {}));
//   PLUMB_CHECK(DecideHold(ledger, "exc_…", {.kind = "release", .by = "ann", .role = "reviewer"}, now));
//   PLUMB_TRY(Hold hold, FindHold(ledger, "exc_…", now));        // hold.state == HoldState::kReleased
//
// There is no other state: what is held survives restarts, every process that has the ledger sees the same, and both
// entries have ids made from the exchange's, so that two people cannot both decide. Erasing the subject erases the text
// that waits. Functions block on the ledger; call them from any thread.
#pragma once

#include <string>
#include <vector>

#include "evidence/ledger/ledger.h"
#include "runtime/gateway/surface.h"

namespace plumb::gateway {

enum class HoldState { kWaiting, kReleased, kEdited, kRefused, kExpired };
std::string_view HoldStateName(HoldState state);  // "waiting", …

struct Hold {
  std::string exchange;  // "exc_…"
  std::string time;      // when it began, RFC 3339
  std::string expires;   // RFC 3339
  std::string api;       // the surface it was asked by
  std::string model, key, subject;
  std::string clause;    // that asks for it; empty where the route holds every answer
  std::string policy;    // the hash
  bool stream = false;
  int64_t created = 0;   // as the answer will say
  int choices = 1;
  json::object echo;     // Call::echo
  json::array messages;  // the question
  Answer answer;         // the model's; nothing is left of it where the subject was erased
  json::object places;   // values that the request lost to placeholders, and that the caller's answer gets back

  HoldState state = HoldState::kWaiting;
  std::string by, decided;  // who and when
  std::string edited;       // the text that stands in place of the answer
  std::string say;          // the words of a refusal
};

struct Decision {
  std::string kind;  // release | edit | refuse
  std::string text;  // edit: the answer; refuse: what is said instead, may be empty
  std::string note;  // why, for the record; the caller does not see it
  std::string by, role;
};

// Errors: the ledger's.
Result<ledger::Receipt> PutHold(ledger::Ledger& ledger, const Hold& hold);
// Error: kNotFound.
Result<Hold> FindHold(ledger::Ledger& ledger, std::string_view exchange, Time now);

struct HoldQuery {
  bool decided = false;  // those that wait for nobody any more, too
  size_t limit = 100;
};
// Newest first.
Result<std::vector<Hold>> ListHolds(ledger::Ledger& ledger, Time now, const HoldQuery& query);

// Errors: kNotFound; kConflict (decided before, or expired: says by whom or when); kInvalid (an edit without text, an
// unknown kind).
Result<ledger::Receipt> DecideHold(ledger::Ledger& ledger, std::string_view exchange, const Decision& decision, Time now);

// What the caller gets once nobody is waited for: the answer, the edited text, or a refusal.
Answer FinalAnswer(const Hold& hold);

// For reviewers: everything. For the caller: {"state","expires",…} without the answer, names and notes.
json::object HoldJson(const Hold& hold, bool reviewer);

json::object AnswerJson(const Answer& answer);
// Error: kCorrupt.
Result<Answer> ParseAnswer(const json::object& object);

}  // namespace plumb::gateway
