// evidence/finding: what people and the red team found, from receipt to reward and immunity. A finding is an entry of the ledger: what was
// reported, and by whom, is personal text, encrypted there and erasable; what is decided about it are further entries.
//
//   Report      what somebody hands in: over /report, from a bug bounty's export (finding_rows.h), or as a red team's find
//   Finding     the same as it stands now: state, reward, duplicates
//   Change      a decision on it, by a person, or by a proof that it no longer works
//   Immunity    how long it took until that was proven (immunity.h)
//
//   PLUMB_TRY(Finding made, Submit(*ledger, {.source = "report", .what = "it told me how to …"}, now, {}));
//   PLUMB_TRY(Finding now_confirmed, Decide(*ledger, made.id, {.state = State::kConfirmed, .reward = Reward::kGranted, .by = "ana"}, now));
//
// Every function may be called from any thread; what two decide at once is decided by the ledger's order, the later one wins.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evidence/ledger/ledger.h"

namespace plumb::finding {

enum class State { kReceived, kTriaged, kConfirmed, kFixed, kVerified, kRejected, kDuplicate };
const char* StateName(State state);  // received, triaged, …
Result<State> ParseState(std::string_view name);

enum class Reward { kNone, kPending, kGranted, kPaid, kDeclined };
const char* RewardName(Reward reward);
Result<Reward> ParseReward(std::string_view name);

struct Report {
  std::string source;       // "report" (the public form), "bug-bounty", "redteam", …
  std::string what;         // in the reporter's words; what every other text is compared by
  std::string prompt, response;
  std::string contact;      // how to reach who reported; may be empty
  std::string from;         // the address it came from; for the limit, and never shown
  std::string clause, severity;
  std::string external;     // its id where it comes from ("h1-1234567")
  State state = State::kReceived;
  Reward reward = Reward::kNone;
};

struct Finding {
  std::string id, time, updated;
  Report report;            // texts are empty where they were erased
  State state = State::kReceived;
  Reward reward = Reward::kNone;
  std::string duplicate_of; // the first finding that says the same; empty: none
  std::string note, by;     // of the latest decision
  std::string evidence;     // the ledger's entry that shows it, of the latest decision that had one
  std::string verified;     // since when it is; empty in every other state
  bool erased = false;
};

// How much is taken in within an hour; 0: no limit.
struct Intake {
  int64_t from_one = 0;   // address
  int64_t from_all = 0;
};
inline constexpr size_t kLongestText = 16 << 10;  // bytes, each

// Writes it down. One that says the same as an earlier one (equal but for case and punctuation, or nearly so) of no other clause is
// kept as its duplicate, unless that one was erased. Errors: kInvalid (no text, too long, not UTF-8), kExhausted (the intake is full), kConflict
// (`external` is known already; where: the finding's id), whatever the ledger says.
Result<Finding> Submit(ledger::Ledger& ledger, const Report& report, Time now, const Intake& intake);

// Error: kNotFound.
Result<Finding> Find(ledger::Ledger& ledger, const std::string& id);
// Newest first; of one state, or all.
Result<std::vector<Finding>> List(ledger::Ledger& ledger, std::optional<State> state = {});

struct Change {
  std::optional<State> state;
  std::optional<Reward> reward;
  std::string note;  // why; kept as personal text of the finding
  std::string by;
  std::string evidence = {};  // the ledger's entry that shows it
};
// Errors: kNotFound, kInvalid (nothing changes).
Result<Finding> Decide(ledger::Ledger& ledger, const std::string& id, const Change& change, Time now);

// Everything but the address it came from. `texts`: what was reported and how to reach who did; without them, what anybody who has the id may know:
// state, reward and times.
json::object FindingJson(const Finding& finding, bool texts);

}  // namespace plumb::finding
