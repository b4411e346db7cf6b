#include "runtime/gateway/turn_rules.h"

#include "runtime/gateway/complexity.h"
#include "runtime/gateway/tool_rules.h"
#include "runtime/gateway/turn_guard.h"

namespace plumb::gateway {
namespace {

using guard::Action;

void Note(Exchange& exchange, const std::string& clause, Action action, const std::string& why) {
  json::object found;
  found["clause"] = clause;
  found["action"] = policy::ActionName(action);
  found["why"] = why;
  exchange.rules.push_back(std::move(found));
}

// A rule's finding, as the guard would tell it.
void JoinClause(guard::Verdict& verdict, const std::string& clause, Action action) {
  guard::CategoryVerdict& category = verdict.categories[clause];
  category.score = 1;
  category.fired = true;
  category.action = std::max(category.action, action);
  if (action <= verdict.action) return;
  verdict.action = action;
  verdict.clause = clause;
}

// The clause that looks for canaries, and what it does about answers that carry one.
const policy::Category* CanaryClause(const policy::Policy& policy) {
  for (const policy::Category& category : policy.categories)
    for (const policy::Detector& detector : category.detect)
      if (detector.name == "canary" && category.on_detect.output != Action::kAllow) return &category;
  return nullptr;
}

}  // namespace

asio::awaitable<void> CheckLimits(Turn& turn) {
  const policy::Limits& limits = turn.stance->policy.limits;
  if (limits.empty()) co_return;
  const json::array* messages = &turn.exchange.messages;
  const json::array* tools = FindArray(turn.call.request.extra, "tools");
  const policy::Limits* asked = &limits;
  auto work = [asked, messages, tools]() { return OverLimit(*asked, *messages, tools); };
  std::optional<std::string> over;
  if (Brief(turn, turn.asked.body.size())) over = work();
  else over = co_await On(turn.service.guard_threads, std::move(work));
  if (!over) co_return;
  Note(turn.exchange, "limits", limits.action, *over);
  guard::Verdict verdict;
  JoinClause(verdict, "limits", limits.action);
  TakeAction(turn.exchange, verdict);
  turn.exchange.input = std::move(verdict);
  if (turn.enforce && limits.action == Action::kBlock) turn.over_limit = std::move(*over);
}

asio::awaitable<void> AnswerOverLimit(Turn& turn) {
  turn.exchange.finish_reason = "content_filter";
  Result<ledger::Receipt> receipt = co_await Close(turn);
  if (!receipt) {
    co_await AnswerUnrecorded(turn);
    co_return;
  }
  SetReceipt(turn, *receipt);
  const std::string say = RuleSay(turn.stance->policy, "limits");
  const Error error{Code::kInvalid, say.empty() ? turn.over_limit + " (clause: limits)" : say + " (" + turn.over_limit + ")", ""};
  const json::value body = turn.surface.ErrorBody(error);
  co_await turn.out.SendJson(400, body);
}

void JoinToolRules(Turn& turn, const json::array& calls, guard::Verdict& verdict) {
  const policy::Tools& tools = turn.stance->policy.tools;
  if (tools.empty() || calls.empty()) return;
  const Origins origins(turn.exchange.messages, turn.call.request.extra);
  for (const json::value& call : calls) {
    const json::object* object = call.if_object();
    const json::object* function = object ? FindObject(*object, "function") : nullptr;
    const json::object* custom = object ? FindObject(*object, "custom") : nullptr;
    static const json::object none;
    const json::object& asked = function ? *function : custom ? *custom : none;
    const std::string name = GetStringOr(asked, "name", "").value_or("");
    const json::value* given = asked.if_contains(custom ? "input" : "arguments");
    const std::string arguments = !given ? "" : given->is_string() ? std::string(given->get_string()) : ToJson(*given);
    for (const ToolFinding& found : CheckCall(tools, name, arguments, origins)) {
      Note(turn.exchange, found.clause, found.action, found.why);
      JoinClause(verdict, found.clause, found.action);
    }
  }
}

void JoinScope(const Turn& turn, std::string_view asked, guard::Verdict& verdict) {
  if (turn.stance->scope.Outside(asked)) JoinClause(verdict, "scope", turn.stance->policy.scope.action);
}

bool WatchesLeaks(const Turn& turn) { return turn.prompt && CanaryClause(turn.stance->policy); }

void JoinLeak(const Turn& turn, bool leaked, guard::Verdict& verdict) {
  const policy::Category* clause = leaked ? CanaryClause(turn.stance->policy) : nullptr;
  if (!clause) return;
  // Words of the prompt cannot be taken out one by one as a canary can.
  const Action asked = clause->on_detect.output;
  JoinClause(verdict, clause->id, asked == Action::kRedact || asked == Action::kRewrite ? Action::kRefuse : asked);
}

std::string RuleSay(const policy::Policy& policy, std::string_view clause) {
  const auto first = [](const std::vector<std::string>& say) { return say.empty() ? std::string() : say.front(); };
  if (clause == "limits") return first(policy.limits.say);
  if (!clause.starts_with("tools/")) return "";
  for (const policy::ToolRule& rule : policy.tools.rules)
    if (clause.substr(6) == rule.id && !rule.say.empty()) return rule.say.front();
  return first(policy.tools.say);
}

}  // namespace plumb::gateway
