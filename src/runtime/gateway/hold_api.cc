// /api/held: what waits for a person, and what the person says of it (docs/console-api.md).
#include "runtime/gateway/access.h"
#include "runtime/gateway/hold_turn.h"

namespace plumb::gateway {
namespace {

asio::awaitable<void> Reply(net::ResponseWriter& out, Result<json::object> body) {
  if (body) {
    const json::value value(std::move(*body));
    co_await out.SendJson(200, value);
  } else {
    const json::value value = ApiError(body.error());
    co_await out.SendJson(AccessStatus(body.error()), value);
  }
}

// Who decides. A key says who; this machine's own user may where no keys are in use, and is "local".
Result<Caller> Reviewer(const Service& service, const net::Request& request) {
  PLUMB_TRY(Caller caller, Authorise(service, request));
  if (caller.key && !May(caller.role, Right::kReview))
    return FailAt("key:" + caller.name, Code::kPermission, "the key '{}' is of the role {}; a reviewer decides about held answers",
                  caller.name, caller.role);
  if (!caller.key) caller.role = "administrator";
  return caller;
}

Result<Decision> ParseDecision(const net::Request& request, const Caller& caller) {
  PLUMB_TRY(const json::value body, ParseJson(request.body, "request body"));
  const json::object* object = body.if_object();
  if (!object) return Fail(Code::kInvalid, "the request body must be an object with 'decision'");
  static const std::vector<std::string> known = {"decision", "text", "note"};
  for (const auto& [key, value] : *object)
    if (std::ranges::find(known, std::string_view(key)) == known.end())
      return Fail(Code::kInvalid, "unknown field '{}'{}", std::string_view(key), DidYouMean(key, known));
  Decision decision;
  PLUMB_TRY(decision.kind, GetString(*object, "decision"));
  PLUMB_TRY(decision.text, GetStringOr(*object, "text", ""));
  PLUMB_TRY(decision.note, GetStringOr(*object, "note", ""));
  decision.by = caller.name;
  decision.role = caller.role;
  return decision;
}

Result<json::object> List(ledger::Ledger& ledger, Time now, const HoldQuery& query) {
  PLUMB_TRY(const std::vector<Hold> holds, ListHolds(ledger, now, query));
  json::array rows;
  for (const Hold& hold : holds) rows.push_back(HoldJson(hold, true));
  return json::object{{"held", std::move(rows)}};
}

Result<json::object> Decide(ledger::Ledger& ledger, const std::string& exchange, const Decision& decision, Time now) {
  PLUMB_TRY(const ledger::Receipt receipt, DecideHold(ledger, exchange, decision, now));
  PLUMB_TRY(const Hold hold, FindHold(ledger, exchange, now));
  json::object out = HoldJson(hold, true);
  out["receipt"] = {{"id", receipt.id}, {"index", receipt.index}, {"leaf_hash", receipt.leaf_hash}};
  return out;
}

}  // namespace

asio::awaitable<void> HeldApi(Service& service, net::Request& request, net::ResponseWriter& out, const std::string& path) {
  const Time now = service.options.clock();
  ledger::Ledger* ledger = service.ledger.get();
  const std::string exchange = path.size() > 6 ? path.substr(6) : "";  // behind "/held/"
  if (request.method != "POST") {
    HoldQuery query;
    query.decided = request.Query("all").has_value();
    auto read = [ledger, now, query, exchange]() -> Result<json::object> {
      if (exchange.empty()) return List(*ledger, now, query);
      PLUMB_TRY(const Hold hold, FindHold(*ledger, exchange, now));
      return HoldJson(hold, true);
    };
    Result<json::object> found = co_await On(service.ledger_threads, std::move(read));
    co_await Reply(out, std::move(found));
    co_return;
  }
  Result<Caller> caller = Reviewer(service, request);
  Result<Decision> decision = caller ? ParseDecision(request, *caller) : std::unexpected(caller.error());
  if (!decision) {
    co_await Reply(out, std::unexpected(decision.error()));
    co_return;
  }
  auto decide = [ledger, exchange, decision = std::move(*decision), now]() { return Decide(*ledger, exchange, decision, now); };
  Result<json::object> decided = co_await On(service.ledger_threads, std::move(decide));
  if (decided) ++service.totals["reviewed"];
  co_await Reply(out, std::move(decided));
}

}  // namespace plumb::gateway
