// runtime/replay: past traffic under another policy or guard, and what would have been done differently.
//
//   ReplaySide    what one policy and guard say of one exchange
//   ReplayRow     one exchange: before, after, or why it could not be replayed
//   ReplayReport  counts, rates with intervals, clauses, examples (replay_report.h)
//   ReplaySource  where exchanges come from: the ledger or somebody's log (replay_source.h)
//
//   const std::vector<ReplayRow> rows = Replay(batch, {.after = &guard});
//
// Every text that is there is judged by itself, in its direction, and whole (a stream's guard sees the same text piece by
// piece). Nothing is asked of a model: where the text of an answer is not there, because it was not kept or because the
// model was never asked, the outcome is unknown and never counted as unchanged.
//
// Safe to call from any thread; a detector that fails is in the row, not in an error.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "intent/data/traffic.h"
#include "runtime/guard/guard.h"

namespace plumb::replay {

struct ReplaySide {
  // passed, redacted (something was replaced, the exchange went on), stopped, unknown
  std::string outcome = "unknown";
  std::string action = "allow";  // the strictest of all directions, done or (observing) not done
  std::string clause;            // whose action it is
  std::string direction;         // where
  bool observed = false;         // the route only watches: nothing is done
  std::map<std::string, std::set<std::string>> fired;  // by every direction that was judged: the clauses that fired
};

struct ReplayRow {
  std::string id, time, model;
  std::string where;  // its place in the log; no two rows share one
  // replayed: every text was there; partly: some; not_replayed: none; not_judged: a required detector did not run
  std::string status = "replayed";
  std::string no_request, no_response;  // why a text is not there
  std::optional<ReplaySide> before;     // nothing: the log does not say what was done
  ReplaySide after;
  std::string asked, answered;  // the beginning of the texts; never written to files
};

// A guard under the policy's overlays, by policy::FittingOverlays; of the plain policy none is needed.
using OverlaidGuards = std::map<std::string, const guard::Guard*>;

struct ReplayGuards {
  const guard::Guard* after = nullptr;
  // The guard to compare with. nullptr: what is recorded; for logs of others, which record no verdicts, that every
  // exchange passed.
  const guard::Guard* before = nullptr;
  // For exchanges whose region, locale, domain or channel is known.
  OverlaidGuards after_overlaid = {}, before_overlaid = {};
};

// One row for each exchange, in order.
std::vector<ReplayRow> Replay(std::span<const data::Traffic> exchanges, const ReplayGuards& guards);

// ReplayRow::where of an exchange.
std::string RowKey(const data::Traffic& exchange);

// What changed: "newly_stopped", "newly_redacted", "newly_passed", "newly_asked" (it was stopped before the model was
// asked, and now would be asked), "same", "unknown".
std::string_view ChangeOf(const ReplayRow& row);

// As a line of replay.jsonl, without texts.
json::object RowJson(const ReplayRow& row);
// Error: kInvalid.
Result<ReplayRow> ParseRow(const json::object& object);

}  // namespace plumb::replay
