#include "runtime/gateway/shadow.h"

#include <boost/asio/detached.hpp>

#include "runtime/gateway/complexity.h"
#include "runtime/gateway/tool_rules.h"
#include "runtime/gateway/turn.h"
#include "runtime/gateway/turn_messages.h"

namespace plumb::gateway {
namespace {

using guard::Action;
using guard::Direction;

void TakeStricter(ShadowVerdict& into, Action action, const std::string& clause) {
  if (action <= into.action) return;
  into.action = action;
  into.clause = clause;
}

void TakeStricter(ShadowVerdict& into, std::optional<guard::Verdict>& side, guard::Verdict verdict) {
  TakeStricter(into, verdict.action, verdict.clause);
  if (!side || verdict.action > side->action) side = std::move(verdict);
}

void JudgeCall(const Stance& stance, const json::value& call, const Origins& origins, ShadowVerdict& out) {
  const json::object* function = call.is_object() ? FindObject(call.get_object(), "function") : nullptr;
  if (!function) return;
  TakeStricter(out, out.output, stance.guard().Check(Direction::kToolCall, {ToJson(*function), ""}));
  const std::string name = GetStringOr(*function, "name", "").value_or("");
  const std::string arguments = GetStringOr(*function, "arguments", "").value_or("");
  for (const ToolFinding& found : CheckCall(stance.policy.tools, name, arguments, origins)) TakeStricter(out, found.action, found.clause);
}

json::value Told(const std::optional<guard::Verdict>& verdict) {
  if (!verdict) return nullptr;
  json::array clauses;
  for (const auto& [id, category] : verdict->categories)
    if (category.fired) clauses.emplace_back(id);
  return json::object{{"action", policy::ActionName(verdict->action)}, {"clauses", std::move(clauses)}, {"failed", verdict->failed}};
}

struct Outcome {
  std::string policy;
  bool recorded = false, differs = false;
};

// On the shadows' thread.
Outcome RunShadow(const Stance& stance, const ShadowCase& seen, ledger::Ledger& ledger) {
  Outcome out{stance.policy.id, false, false};
  try {
    const ShadowVerdict verdict = JudgeShadow(stance, seen);
    ledger::Entry entry{.kind = "shadow", .body = ShadowEntry(stance, seen, verdict)};
    entry.derived_from = {seen.exchange};
    out.differs = policy::ActionName(verdict.action) != seen.action;
    out.recorded = ledger.Append(std::move(entry)).has_value();
  } catch (const std::exception&) {
    out.recorded = false;  // counted as failed; nobody else is to notice
  }
  return out;
}

asio::awaitable<void> Ask(Service& service, [[maybe_unused]] Force held, const Stance* stance, std::shared_ptr<const ShadowCase> seen) {
  const std::shared_ptr<bool> alive = service.shadows.alive;
  ledger::Ledger* ledger = service.ledger.get();
  auto work = [stance, seen, ledger] { return RunShadow(*stance, *seen, *ledger); };
  const Outcome outcome = co_await On(service.shadows.threads, std::move(work));
  if (!*alive) co_return;
  --service.shadows.waiting;
  service.metrics.CountShadow(outcome.policy, !outcome.recorded ? "failed" : outcome.differs ? "differs" : "agrees");
}

}  // namespace

ShadowVerdict JudgeShadow(const Stance& stance, const ShadowCase& seen) {
  ShadowVerdict out;
  const guard::Guard& guard = stance.guard();
  const json::array* tools = FindArray(seen.extra, "tools");
  if (OverLimit(stance.policy.limits, seen.messages, tools)) TakeStricter(out, stance.policy.limits.action, "limits");
  for (size_t i = NewMessages(seen.messages); i < seen.messages.size(); ++i) {
    const std::string_view role = RoleOf(seen.messages[i]);
    if (role == "tool" || role == "function") TakeStricter(out, out.input, guard.Check(Direction::kToolResult, {MessageText(seen.messages[i]), ""}));
  }
  const std::string asked = UserText(seen.messages);
  if (!asked.empty()) TakeStricter(out, out.input, guard.Check(Direction::kInput, {asked, ""}));
  if (stance.scope.Outside(asked)) TakeStricter(out, stance.policy.scope.action, "scope");
  const Origins origins(stance.policy.tools.empty() ? json::array() : seen.messages, seen.extra);
  for (const Choice& choice : seen.said.choices) {
    TakeStricter(out, out.output, guard.Check(Direction::kOutput, {choice.text, asked}));
    for (const json::value& call : choice.tool_calls) JudgeCall(stance, call, origins, out);
  }
  return out;
}

json::object ShadowEntry(const Stance& stance, const ShadowCase& seen, const ShadowVerdict& verdict) {
  json::object body;
  body["exchange"] = seen.exchange;
  body["policy"] = {{"id", stance.policy.id}, {"version", stance.policy.version}, {"hash", stance.policy.hash}};
  body["guard"] = stance.guard_id;
  body["action"] = policy::ActionName(verdict.action);
  body["clause"] = verdict.clause;
  body["input"] = Told(verdict.input);
  body["output"] = Told(verdict.output);
  body["in_force"] = {{"policy", seen.policy}, {"action", seen.action}, {"clause", seen.clause}};
  body["differs"] = policy::ActionName(verdict.action) != seen.action;
  return body;
}

void LaunchShadows(Turn& turn) {
  if (!turn.route || turn.route->shadow.empty() || turn.exchange.status == "error") return;
  Service& service = turn.service;
  auto seen = std::make_shared<ShadowCase>();
  seen->exchange = turn.exchange.id;
  seen->messages = turn.exchange.messages;
  seen->extra = turn.call.request.extra;
  seen->said = turn.said;
  seen->policy = turn.stance->policy.hash;
  seen->action = policy::ActionName(turn.exchange.action);
  seen->clause = turn.exchange.clause;
  for (const policy::Shadow& shadow : turn.route->shadow) {
    const Stance* stance = turn.force->stances.Shadow(shadow, turn.where);
    if (!stance) continue;
    if (service.shadows.waiting >= kMostShadows) {
      service.metrics.CountShadow(stance->policy.id, "dropped");
      continue;
    }
    ++service.shadows.waiting;
    asio::co_spawn(service.executor, Ask(service, turn.force, stance, seen), asio::detached);
  }
}

}  // namespace plumb::gateway
