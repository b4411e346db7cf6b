// The answer at once: every choice is judged, and what is not let through is replaced, before anything is said.
#include "runtime/gateway/turn_guard.h"
#include "runtime/gateway/turn_messages.h"

namespace plumb::gateway {
namespace {

using guard::Action;
using guard::Direction;

void AddWithheld(Exchange& exchange, const std::string& text) {
  if (!exchange.withheld.empty()) exchange.withheld += "\n\n";
  exchange.withheld += text;
}

// The text a choice shows, redacted where that is asked for. True where it is not let through.
asio::awaitable<bool> GuardText(Turn& turn, Choice& choice) {
  const guard::Verdict verdict = co_await CheckText(turn, Direction::kOutput, choice.text, UserText(turn.call.request.messages));
  TakeAction(turn.exchange, verdict.action, verdict.clause);
  TakeOutput(turn.exchange, verdict);
  if (!turn.enforce || verdict.action < Action::kRedact) co_return false;
  if (verdict.action > Action::kRedact) co_return true;
  AddWithheld(turn.exchange, choice.text);
  choice.text = guard::Redact(choice.text, verdict);
  choice.logprobs = nullptr;  // token by token they say what was redacted
  co_return false;
}

asio::awaitable<void> GuardChoice(Turn& turn, Choice& choice) {
  const bool text_stopped = co_await GuardText(turn, choice);
  const bool calls_stopped = co_await GuardToolCalls(turn, choice.tool_calls);
  if (!turn.enforce || !(text_stopped || calls_stopped)) co_return;
  AddWithheld(turn.exchange, choice.text);
  choice = Withhold(turn, *turn.exchange.output);
}

Choice FirstChoice(provider::ChatResponse& response) {
  Choice choice;
  choice.text = std::move(response.text);
  choice.tool_calls = std::move(response.tool_calls);
  choice.finish_reason = response.finish_reason;
  return choice;
}

// What the caller was given, for the record.
std::string Shown(const Answer& answer) {
  std::string shown;
  for (const Choice& choice : answer.choices) {
    if (!shown.empty()) shown += "\n\n";
    shown += choice.text.empty() ? choice.refusal : choice.text;
    if (!choice.tool_calls.empty()) shown += ToJson(choice.tool_calls);
  }
  return shown;
}

}  // namespace

asio::awaitable<void> AnswerWhole(Turn& turn) {
  Result<provider::ChatResponse> response = co_await turn.answerer.provider->Chat(turn.call.request);
  if (!response) {
    co_await AnswerError(turn, std::move(response).error());
    co_return;
  }
  Answer answer;
  answer.usage = response->usage;
  answer.choices.push_back(FirstChoice(*response));
  for (Choice& choice : answer.choices) co_await GuardChoice(turn, choice);
  turn.exchange.usage = answer.usage;
  turn.exchange.finish_reason = answer.choices.front().finish_reason;
  co_await SendWhole(turn, std::move(answer));
}

asio::awaitable<void> SendWhole(Turn& turn, Answer answer) {
  turn.exchange.response = Shown(answer);
  turn.exchange.first_text_ms = turn.Elapsed();
  auto receipt = co_await Close(turn);
  if (!receipt) {
    co_await AnswerUnrecorded(turn);
    co_return;
  }
  turn.out.headers.Set("x-plumb-verdict", VerdictHeader(turn));
  turn.out.headers.Set("x-plumb-receipt", fmt::format("{}:{}", receipt->index, receipt->leaf_hash));
  const json::value body = turn.surface.Whole(turn.head, turn.call, answer);
  co_await turn.out.SendJson(200, body);
}

}  // namespace plumb::gateway
