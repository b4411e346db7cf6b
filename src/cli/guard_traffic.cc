#include "cli/guard_traffic.h"

namespace plumb::cli {
namespace {

void WatchExchange(const json::object& body, guard::DriftWatch& watch) {
  const json::object* verdicts = FindObject(body, "verdicts");
  if (!verdicts) return;
  for (const guard::Direction direction : {guard::Direction::kInput, guard::Direction::kOutput}) {
    const json::object* verdict = FindObject(*verdicts, guard::DirectionName(direction));
    const bool stream = direction == guard::Direction::kOutput && GetBoolOr(body, "stream", false).value_or(false);
    if (!verdict || stream || GetBoolOr(*verdict, "failed", false).value_or(true)) continue;
    const auto unsafe = GetNumber(*verdict, "unsafe");
    const json::object* detectors = FindObject(*verdict, "detectors");
    if (!unsafe || !detectors) continue;
    watch.Add(direction, detectors->contains("encoder") ? guard::kEncoderStack : guard::kLinearStack, *unsafe);
  }
}

}  // namespace

Status WatchLedger(ledger::Ledger& ledger, const std::string& guard_id, const std::string& since,
                   guard::DriftWatch& watch) {
  constexpr size_t kPage = 512;
  ledger::Query query{.kind = "exchange", .before = {}, .from = 0, .since = since, .limit = kPage, .newest_first = false};
  for (;;) {
    PLUMB_TRY(const std::vector<ledger::Stored> page, ledger.List(query));
    for (const ledger::Stored& stored : page) {
      const json::object* bound = FindObject(stored.body, "bound");
      if (bound && GetStringOr(*bound, "guard", "").value_or("") == guard_id) WatchExchange(stored.body, watch);
    }
    if (page.size() < kPage) return {};
    query.from = page.back().index + 1;
  }
}

}  // namespace plumb::cli
