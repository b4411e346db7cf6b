// What is no chat: a question is guarded and passed on, the vendor's answer holds no text and is passed back.
#include "runtime/gateway/turn_guard.h"
#include "runtime/gateway/turn_messages.h"
#include "runtime/gateway/turn_vendor.h"

namespace plumb::gateway {
namespace {

// There is no text to put in place of such an answer: what is not let through is an error, as content filters have it.
asio::awaitable<void> AnswerWithheld(Turn& turn) {
  const Choice instead = Withhold(turn, *turn.exchange.input);
  turn.exchange.finish_reason = "content_filter";
  turn.exchange.response = instead.text.empty() ? instead.refusal : instead.text;
  auto receipt = co_await Close(turn);
  if (!receipt) {
    co_await AnswerUnrecorded(turn);
    co_return;
  }
  const json::value body = turn.surface.ErrorBody({Code::kInvalid, turn.exchange.response, ""});
  co_await turn.out.SendJson(400, body);
}

asio::awaitable<void> SendPosted(Turn& turn, json::object answer) {
  turn.exchange.finish_reason = "stop";
  auto receipt = co_await Close(turn);
  if (!receipt) {
    co_await AnswerUnrecorded(turn);
    co_return;
  }
  SetReceipt(turn, *receipt);
  const json::value body(std::move(answer));
  co_await turn.out.SendJson(200, body);
}

json::object EmbeddingsBody(const Turn& turn) {
  json::object body = turn.call.request.extra;
  body["model"] = turn.call.request.model;
  json::array& input = body["input"].emplace_array();
  for (const json::value& message : turn.call.request.messages) input.push_back(message.at("content"));
  return body;
}

// What Anthropic counts: the question in its own words, since it came in them. The part that was redacted is not known
// in those words, so such a question is estimated.
std::optional<json::object> CountBody(const Turn& turn) {
  if (turn.exchange.action >= guard::Action::kRedact && turn.enforce) return std::nullopt;
  auto body = ParseJson(turn.asked.body);
  if (!body || !body->is_object()) return std::nullopt;
  body->get_object()["model"] = turn.call.request.model;
  return body->get_object();
}

// For vendors that do not count beforehand: a token is about four bytes of what is sent.
int64_t RequestTokens(const provider::ChatRequest& request) {
  size_t bytes = request.extra.contains("tools") ? ToJson(request.extra.at("tools")).size() : 0;
  for (const json::value& message : request.messages) bytes += MessageText(message).size() + 16;
  return static_cast<int64_t>((bytes + 3) / 4);
}

// Asks the vendor; who answered, after how many attempts, from the cache or not, and the cost are the exchange's.
asio::awaitable<Result<provider::ChatResponse>> AskPosted(Turn& turn, std::string path, json::object body) {
  BeginAsk(turn);
  PrepareAsk(turn);
  provider::ChatRequest about = turn.call.request;
  Result<provider::ChatResponse> answer = co_await turn.answerer.provider->Post(std::move(path), std::move(body), std::move(about));
  EndAsk(turn, answer ? answer->model : "");
  if (answer) {
    turn.exchange.usage = answer->usage;
    TakeVendor(turn, *answer);
  }
  co_return answer;
}

asio::awaitable<void> TakeEmbeddings(Turn& turn) {
  const Entry entry = co_await Enter(turn);
  if (entry == Entry::kAnswered) co_return;
  if (entry == Entry::kWithheld) {
    co_await AnswerWithheld(turn);
    co_return;
  }
  json::object body = EmbeddingsBody(turn);
  std::string path = "/embeddings";
  Result<provider::ChatResponse> answer = co_await AskPosted(turn, std::move(path), std::move(body));
  if (!answer) {
    co_await AnswerError(turn, std::move(answer).error());
    co_return;
  }
  KeepAnswer(turn, *answer);
  answer->raw["model"] = turn.head.model;
  co_await SendPosted(turn, std::move(answer->raw));
}

asio::awaitable<void> TakeCountTokens(Turn& turn) {
  const Entry entry = co_await Enter(turn);
  if (entry == Entry::kAnswered) co_return;
  if (entry == Entry::kWithheld) {
    co_await AnswerWithheld(turn);
    co_return;
  }
  Result<provider::ChatResponse> answer = Fail(Code::kUnsupported, "no vendor was asked");
  if (std::optional<json::object> body = CountBody(turn)) {
    std::string path = "/messages/count_tokens";
    answer = co_await AskPosted(turn, std::move(path), std::move(*body));
  }
  const bool cannot = !answer && (answer.error().code == Code::kNotFound || answer.error().code == Code::kUnsupported);
  if (!answer && !cannot) {
    co_await AnswerError(turn, std::move(answer).error());
    co_return;
  }
  turn.exchange.cost = 0;  // counting is free, and what is counted was not used
  json::object counted = cannot ? json::object{{"input_tokens", RequestTokens(turn.call.request)}} : std::move(answer->raw);
  if (cannot) turn.out.headers.Set("x-plumb-estimated", "input_tokens");
  co_await SendPosted(turn, std::move(counted));
}

}  // namespace

asio::awaitable<void> Embeddings(Service& service, net::Request& request, net::ResponseWriter& out) {
  Turn turn(service, EmbeddingsSurface(), request, out);
  turn.answers = false;
  co_await Traced(turn, TakeEmbeddings);
}

asio::awaitable<void> CountTokens(Service& service, net::Request& request, net::ResponseWriter& out) {
  Turn turn(service, MessagesSurface(), request, out);
  turn.answers = false;
  co_await Traced(turn, TakeCountTokens);
}

}  // namespace plumb::gateway
