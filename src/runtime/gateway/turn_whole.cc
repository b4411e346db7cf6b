// The answer at once: every choice is judged, and what is not let through is replaced, before anything is said.
#include "runtime/gateway/turn_again.h"
#include "runtime/gateway/hold_turn.h"
#include "runtime/gateway/turn_guard.h"
#include "runtime/gateway/turn_messages.h"
#include "runtime/gateway/turn_places.h"
#include "runtime/gateway/turn_vendor.h"

namespace plumb::gateway {
namespace {

std::vector<Choice> ChoicesOf(provider::ChatResponse& response) {
  std::vector<Choice> choices;
  choices.push_back({std::move(response.text), "", std::move(response.reasoning), std::move(response.signature),
                     std::move(response.tool_calls), std::move(response.logprobs), response.finish_reason, response.stop_sequence});
  for (provider::Choice& further : response.choices) {
    choices.push_back({std::move(further.text), "", std::move(further.reasoning), "", std::move(further.tool_calls), std::move(further.logprobs),
                       std::move(further.finish_reason), std::move(further.stop_sequence)});
  }
  return choices;
}

// What the guard let through of a choice, in place of what the model said.
void ReplaceText(Choice& choice, guard::AnswerPiece piece) {
  choice.text = std::move(piece.text);
  choice.reasoning = std::move(piece.reasoning);
  choice.logprobs = std::move(piece.logprobs);
  choice.tool_calls = std::move(piece.tool_calls);
  for (json::value& call : choice.tool_calls) call.as_object().erase("index");
}

// Judges a choice and leaves in it what may be shown, or our words in its place. `again`: it is the second answer. True
// where the model's words are in it.
asio::awaitable<bool> GuardChoice(Turn& turn, Choice& choice, bool again = false) {
  guard::AnswerGuard guard(*turn.guard, UserText(turn.call.request.messages), {.stream = false, .enforce = turn.enforce, .hold = true});
  guard.Push({.text = choice.text, .reasoning = choice.reasoning, .tool_calls = choice.tool_calls, .logprobs = choice.logprobs});
  Finished finished = co_await FinishGuard(turn, guard);
  if (finished.blocked) {
    const guard::Verdict verdict = finished.verdict;
    choice = Withhold(turn, verdict);
    if (again || !MayAskAgain(turn, verdict)) co_return false;
    provider::ChatRequest request = AskAgain(turn, verdict, "");
    Result<provider::ChatResponse> second = co_await turn.answerer.provider->Chat(std::move(request));
    if (!second) co_return false;
    AddUsage(turn.exchange.usage, second->usage);
    choice = std::move(ChoicesOf(*second).front());
    const bool theirs = co_await GuardChoice(turn, choice, true);
    co_return theirs;
  }
  if (guard.redacted()) choice.signature.clear();  // it seals what the model wrote
  if (turn.enforce) ReplaceText(choice, std::move(finished.rest));
  co_return true;
}

// What the caller was given, for the record.
std::string ShownWhole(const Answer& answer) {
  std::string shown;
  for (const Choice& choice : answer.choices) {
    AddText(shown, choice.text.empty() ? choice.refusal : choice.text);
    if (!choice.tool_calls.empty()) shown += ToJson(choice.tool_calls);
  }
  return shown;
}

}  // namespace

asio::awaitable<void> AnswerWhole(Turn& turn) {
  BeginAsk(turn);
  PrepareAsk(turn);
  Result<provider::ChatResponse> response = co_await turn.answerer.provider->Chat(turn.call.request);
  EndAsk(turn, response ? response->model : "");
  if (!response) {
    co_await AnswerError(turn, std::move(response).error());
    co_return;
  }
  TakeVendor(turn, *response);
  turn.exchange.usage = response->usage;
  Answer answer{ChoicesOf(*response), response->usage};
  if (!turn.route->shadow.empty()) turn.said = answer;
  bool theirs = false;
  for (Choice& choice : answer.choices) {
    const bool kept = co_await GuardChoice(turn, choice);
    theirs = theirs || kept;
  }
  answer.usage = turn.exchange.usage;
  turn.exchange.finish_reason = answer.choices.front().finish_reason;
  if (theirs && MustHold(turn)) {  // words of ours wait for nobody
    if (turn.exchange.withheld.empty()) turn.exchange.withheld = ShownWhole(answer);
    co_await HoldAnswer(turn, std::move(answer));
    co_return;
  }
  KeepAnswer(turn, *response);
  co_await SendWhole(turn, std::move(answer));
}

asio::awaitable<void> SendWhole(Turn& turn, Answer answer) {
  turn.exchange.response = ShownWhole(answer);
  for (Choice& choice : answer.choices) Restore(turn.places, choice);
  turn.exchange.first_text_ms = turn.Elapsed();
  auto receipt = co_await Close(turn);
  if (!receipt) {
    co_await AnswerUnrecorded(turn);
    co_return;
  }
  co_await SendRecorded(turn, answer, *receipt);
}

}  // namespace plumb::gateway
