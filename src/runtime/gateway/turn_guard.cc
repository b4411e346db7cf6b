#include "runtime/gateway/turn_guard.h"

#include "runtime/gateway/turn_messages.h"
#include "runtime/gateway/turn_rules.h"
#include "runtime/gateway/turn_places.h"
#include "runtime/guard/cascade.h"
#include "runtime/guard/record.h"

namespace plumb::gateway {
namespace {

using guard::Action;
using guard::Direction;

// Patterns and the linear tier read this much in less time than a change of threads would be worth saving.
constexpr size_t kBriefBytes = 8 << 10;

// Whether the guard waits for others: then never on the gateway's own thread.
bool Waits(const Turn& turn) {
  const guard::GuardOptions& options = turn.guard->parts().options;
  return options.judge != nullptr || (turn.guard->record().encoder.has_value() && options.require_encoder);
}

// Runs a step of the answer's guard, on a guard thread where it may take long; the time counts to the exchange.
template <class Work>
asio::awaitable<std::invoke_result_t<Work>> Guarded(Turn& turn, bool waits, Work work) {
  const auto start = Steady::now();
  std::invoke_result_t<Work> out;
  if (waits) {
    out = co_await On(turn.service.guard_threads, std::move(work));
  } else {
    out = work();
  }
  turn.exchange.guard_output_ms += MillisSince(start);
  co_return out;
}

// What tools gave back since the assistant last spoke: each is judged, and replaced where the policy says so.
asio::awaitable<void> GuardToolResults(Turn& turn) {
  json::array& messages = turn.call.request.messages;
  for (size_t i = NewMessages(messages); i < messages.size(); ++i) {
    if (RoleOf(messages[i]) != "tool" && RoleOf(messages[i]) != "function") continue;
    const std::string text = MessageText(messages[i]);
    const guard::Verdict verdict = co_await CheckText(turn, Direction::kToolResult, text, "");
    TakeAction(turn.exchange, verdict);
    if (!turn.enforce || verdict.action < Action::kRedact) continue;
    SetText(messages[i], verdict.action == Action::kRedact ? guard::Redact(text, verdict)
                                                           : fmt::format("[withheld by policy: {}]", verdict.clause));
  }
}

// Redaction goes text by text, since evidence counts bytes of the text it was found in. False: what was found lies over
// several texts and would stay.
asio::awaitable<bool> RedactInput(Turn& turn) {
  json::array& messages = turn.call.request.messages;
  for (size_t i = NewMessages(messages); i < messages.size(); ++i) {
    if (!IsInput(messages[i])) continue;
    for (json::string* text : Texts(messages[i])) {
      const guard::Verdict verdict = co_await CheckText(turn, Direction::kInput, std::string(*text), "");
      if (verdict.action == Action::kRedact || verdict.action == Action::kHold) RedactNew(turn, *text, verdict);
    }
  }
  const guard::Verdict after = co_await CheckText(turn, Direction::kInput, UserText(messages), "");
  co_return after.action < Action::kRedact;
}

std::string SayFor(const Turn& turn, const guard::Verdict& verdict) {
  const policy::Policy& policy = turn.stance->policy;
  if (std::string say = RuleSay(policy, verdict.clause); !say.empty()) return say;
  if (const policy::Category* category = policy.FindCategory(verdict.clause)) {
    return std::string(policy::Say(*category, turn.exchange.id));
  }
  if (verdict.clause == "scope" && !policy.scope.say.empty()) return policy.scope.say.front();
  if (verdict.failed) return "This cannot be answered at the moment: a safety check did not run. Please try again.";
  return "I can't help with that.";
}

}  // namespace

bool Brief(const Turn& turn, size_t bytes) { return bytes <= kBriefBytes && !Waits(turn); }

asio::awaitable<guard::Verdict> CheckText(Turn& turn, Direction direction, std::string text, std::string prompt) {
  const guard::Guard* guard = turn.guard;
  guard::Subject subject{std::move(text), std::move(prompt)};
  const auto start = Steady::now();
  guard::Verdict verdict;
  if (Brief(turn, subject.text.size())) {
    verdict = guard->Check(direction, subject);
  } else {
    auto work = [guard, direction, subject = std::move(subject)]() { return guard->Check(direction, subject); };
    verdict = co_await On(turn.service.guard_threads, std::move(work));
  }
  const double ms = MillisSince(start);
  turn.service.metrics.ObserveGuard(std::string(guard::DirectionName(direction)), ms / 1000);
  (direction == Direction::kInput || direction == Direction::kToolResult ? turn.exchange.guard_input_ms
                                                                         : turn.exchange.guard_output_ms) += ms;
  co_return verdict;
}

asio::awaitable<bool> GuardInput(Turn& turn) {
  co_await RedactPast(turn);
  co_await CheckLimits(turn);
  const bool over = turn.exchange.input && turn.enforce && turn.exchange.input->action > Action::kRedact;
  if (over) co_return false;
  co_await GuardToolResults(turn);
  const std::string text = UserText(turn.call.request.messages);
  if (text.empty()) co_return true;  // a turn of tool results alone
  guard::Verdict verdict = co_await CheckText(turn, Direction::kInput, text, "");
  JoinScope(turn, text, verdict);
  TakeAction(turn.exchange, verdict);
  const Action action = verdict.action;
  turn.exchange.input = std::move(verdict);
  if (!turn.enforce || action <= Action::kFlag) co_return true;
  if (action == Action::kHold) {  // the model is asked, and its answer waits for a person (hold_turn.h)
    co_await RedactInput(turn);
    co_return true;
  }
  if (action > Action::kRedact) co_return false;
  co_return co_await RedactInput(turn);
}

asio::awaitable<guard::AnswerPiece> PushGuard(Turn& turn, guard::AnswerGuard& guard, guard::AnswerPiece piece) {
  const bool waits = guard.Waits(piece);
  auto work = [&guard, piece = std::move(piece)]() mutable { return guard.Push(std::move(piece)); };
  guard::AnswerPiece out = co_await Guarded(turn, waits, std::move(work));
  co_return out;
}

asio::awaitable<guard::AnswerPiece> EndReasoning(Turn& turn, guard::AnswerGuard& guard) {
  auto work = [&guard]() { return guard::AnswerPiece{.reasoning = guard.EndReasoning()}; };
  guard::AnswerPiece out = co_await Guarded(turn, !Brief(turn, guard.said().size()), std::move(work));
  co_return out;
}

asio::awaitable<Finished> FinishGuard(Turn& turn, guard::AnswerGuard& guard) {
  auto work = [&guard]() { return guard.Finish(); };
  guard::AnswerPiece rest = co_await Guarded(turn, !Brief(turn, guard.said().size()), std::move(work));
  Exchange& exchange = turn.exchange;
  turn.service.metrics.ObserveGuard("output", exchange.guard_output_ms / 1000);
  Finished out{std::move(rest), guard.verdict(), guard.blocked()};
  JoinToolRules(turn, guard.calls(), out.verdict);
  if (WatchesLeaks(turn)) JoinLeak(turn, turn.prompt->leak.Leaks(guard.said()), out.verdict);
  // What is held is shown to a person, and is not blocked here.
  const bool stopped = turn.enforce && out.verdict.action > Action::kRedact && out.verdict.action != Action::kHold;
  if (stopped) out.blocked = true;
  if (out.blocked) out.rest = {};
  TakeAction(exchange, out.verdict);
  if (!exchange.output || out.verdict.action > exchange.output->action) exchange.output = out.blocked ? out.verdict : std::move(out.verdict);
  if (out.blocked || guard.redacted()) AddText(exchange.withheld, guard.said());
  co_return out;
}

void AddText(std::string& all, std::string_view text) {
  if (!all.empty() && !text.empty()) all += "\n\n";
  all += text;
}

void TakeAction(Exchange& exchange, const guard::Verdict& verdict) {
  if (verdict.action <= exchange.action) return;
  exchange.action = verdict.action;
  exchange.clause = verdict.clause;
}

Choice Withhold(const Turn& turn, const guard::Verdict& verdict) {
  Choice out;
  const bool filtered = verdict.action == Action::kBlock || verdict.action == Action::kQuarantine || verdict.action == Action::kHold;
  out.finish_reason = filtered ? "content_filter" : "stop";
  (filtered ? out.refusal : out.text) = SayFor(turn, verdict);
  return out;
}

}  // namespace plumb::gateway
