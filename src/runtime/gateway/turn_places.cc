#include "runtime/gateway/turn_places.h"

#include <algorithm>

#include "runtime/gateway/turn_guard.h"
#include "runtime/gateway/turn_messages.h"

namespace plumb::gateway {
namespace {

using guard::Action;
using guard::Direction;

bool RedactsInput(const policy::Policy& policy) {
  return std::ranges::any_of(policy.categories, [](const policy::Category& category) {
    return !category.detect.empty() && category.on_detect.input == Action::kRedact;
  });
}

// Texts of a message, and the arguments of the calls in it.
std::vector<json::string*> AllTexts(json::value& message) {
  std::vector<json::string*> texts = Texts(message);
  json::object* object = message.if_object();
  json::value* calls = object ? object->if_contains("tool_calls") : nullptr;
  if (!calls || !calls->is_array()) return texts;
  for (json::value& call : calls->get_array()) {
    json::value* function = call.is_object() ? call.get_object().if_contains("function") : nullptr;
    json::value* arguments = function && function->is_object() ? function->get_object().if_contains("arguments") : nullptr;
    if (arguments && arguments->is_string()) texts.push_back(&arguments->get_string());
  }
  return texts;
}

void Redact(const guard::Guard& guard, guard::Placeholders& places, json::array& messages) {
  for (json::value& message : messages)
    for (const json::string* text : AllTexts(message)) places.Reserve(*text);
  const size_t news = NewMessages(messages);
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string_view role = RoleOf(messages[i]);
    // The application's own instructions are its own; the user's new words are judged by more than patterns.
    if (role == "system" || role == "developer" || (i >= news && role == "user")) continue;
    for (json::string* text : AllTexts(messages[i])) {
      const guard::Verdict verdict = guard::CheckPatterns(guard, Direction::kInput, *text);
      if (!verdict.categories.empty()) *text = guard::Redact(*text, verdict, guard, &places);
    }
  }
}

}  // namespace

asio::awaitable<void> RedactPast(Turn& turn) {
  if (!turn.enforce || !RedactsInput(turn.guard->policy())) co_return;
  if (Brief(turn, turn.asked.body.size())) {
    Redact(*turn.guard, turn.places, turn.call.request.messages);
    co_return;
  }
  Turn* its = &turn;
  auto work = [its]() {
    Redact(*its->guard, its->places, its->call.request.messages);
    return true;
  };
  co_await On(turn.service.guard_threads, std::move(work));
}

void RedactNew(Turn& turn, json::string& text, const guard::Verdict& verdict) {
  text = guard::Redact(text, verdict, *turn.guard, &turn.places);
}

void RecordPlaceholders(Turn& turn) {
  if (!turn.places.empty()) turn.exchange.messages = turn.call.request.messages;
}

void Restore(const guard::Placeholders& places, Choice& choice) {
  if (places.empty()) return;
  guard::AnswerRestorer restorer(places);
  const std::string thought = choice.reasoning;
  guard::AnswerPiece piece = restorer.Push({choice.text, choice.reasoning, choice.refusal, std::move(choice.tool_calls), nullptr});
  const guard::AnswerPiece rest = restorer.Finish();
  choice.text = piece.text + rest.text;
  choice.reasoning = piece.reasoning + rest.reasoning;
  choice.refusal = piece.refusal + rest.refusal;
  choice.tool_calls = std::move(piece.tool_calls);
  choice.logprobs = nullptr;
  if (choice.reasoning != thought) choice.signature.clear();
}

}  // namespace plumb::gateway
