// The streamed answer: text is passed on as the guard lets it go; verdict and receipt come in a comment at the end.
#include "runtime/gateway/chat.h"
#include "runtime/guard/stream.h"

namespace plumb::gateway {
namespace {

using guard::Action;
using guard::Direction;

// Writes chunks in OpenAI's form; the head of the answer goes out with the first.
class ChunkWriter {
 public:
  explicit ChunkWriter(ChatTurn& turn) : turn_(turn) {}

  asio::awaitable<Status> Text(std::string text) {
    if (text.empty()) co_return Status();
    if (turn_.exchange.first_text_ms == 0) turn_.exchange.first_text_ms = turn_.Elapsed();
    turn_.exchange.response += text;
    json::object delta;
    delta["content"] = std::move(text);
    Status sent = co_await Delta(std::move(delta), nullptr);
    co_return sent;
  }

  asio::awaitable<Status> Delta(json::object delta, json::value finish_reason) {
    std::string bytes;
    if (!begun_) {
      PLUMB_CO_CHECK(co_await turn_.out.Start(200, "text/event-stream"));
      begun_ = true;
      json::object first = {{"role", "assistant"}, {"content", ""}};
      bytes = Chunk(std::move(first), nullptr);
    }
    bytes += Chunk(std::move(delta), std::move(finish_reason));
    Status sent = co_await turn_.out.Write(bytes);
    co_return sent;
  }

  // Finish reason, usage where asked for, verdict and receipt, [DONE].
  asio::awaitable<void> End() {
    json::object nothing;
    json::value reason(turn_.exchange.finish_reason);
    Status ended = co_await Delta(std::move(nothing), std::move(reason));
    if (!ended) turn_.exchange.status = "disconnected";
    Result<ledger::Receipt> receipt = co_await Close(turn_);
    if (!receipt) {
      // What was streamed cannot be called back; without [DONE] the client knows it is not whole.
      turn_.out.Abort();
      co_return;
    }
    std::string bytes;
    if (turn_.include_usage) bytes += UsageChunk();
    bytes += net::WriteSseComment(ToJson(Closing(*receipt)));
    bytes += net::WriteSseData("[DONE]");
    co_await turn_.out.Write(bytes);
  }

  bool begun() const { return begun_; }

 private:
  json::object Frame() const {
    json::object out;
    out["id"] = "chatcmpl-" + turn_.exchange.id;
    out["object"] = "chat.completion.chunk";
    out["created"] = turn_.created;
    out["model"] = turn_.exchange.model;
    return out;
  }
  std::string Chunk(json::object delta, json::value finish_reason) const {
    json::object out = Frame();
    json::object choice;
    choice["index"] = 0;
    choice["delta"] = std::move(delta);
    choice["logprobs"] = nullptr;
    choice["finish_reason"] = std::move(finish_reason);
    out["choices"] = json::array{std::move(choice)};
    return net::WriteSseData(ToJson(out));
  }
  std::string UsageChunk() const {
    const provider::Usage& usage = turn_.exchange.usage;
    json::object out = Frame();
    out["choices"] = json::array();
    out["usage"] = {{"prompt_tokens", usage.input_tokens},
                    {"completion_tokens", usage.output_tokens},
                    {"total_tokens", usage.input_tokens + usage.output_tokens}};
    return net::WriteSseData(ToJson(out));
  }
  json::value Closing(const ledger::Receipt& receipt) const {
    const Exchange& exchange = turn_.exchange;
    json::object plumb;
    plumb["exchange"] = exchange.id;
    plumb["action"] = policy::ActionName(exchange.action);
    plumb["input"] = exchange.input ? json::value(policy::ActionName(exchange.input->action)) : json::value();
    plumb["output"] = exchange.output ? json::value(policy::ActionName(exchange.output->action)) : json::value();
    plumb["receipt"] = {{"index", receipt.index}, {"leaf_hash", receipt.leaf_hash}, {"tree_size", receipt.tree_size}};
    return json::object{{"plumb", std::move(plumb)}};
  }

  ChatTurn& turn_;
  bool begun_ = false;
};

// The reason a stream was stopped by us rather than by the provider.
constexpr char kStopped[] = "stopped by the guard";

struct Streaming {
  ChatTurn& turn;
  ChunkWriter chunks;
  guard::StreamGuard guard;
  std::string raw;       // what the model said
  bool blocked = false;  // by the guard
  bool left = false;     // the client went away
};

asio::awaitable<guard::StreamPiece> Push(Streaming& streaming, std::string text) {
  guard::StreamGuard* guard = &streaming.guard;
  const auto start = Steady::now();
  auto work = [guard, text = std::move(text)]() { return guard->Push(text); };
  guard::StreamPiece piece = co_await On(streaming.turn.service.guard_threads, std::move(work));
  streaming.turn.exchange.guard_output_ms += MillisSince(start);
  co_return piece;
}

asio::awaitable<Status> TakeDelta(Streaming& streaming, const provider::ChatDelta& delta) {
  if (delta.text.empty()) co_return Status();  // tool calls wait for their end; reasoning is not passed on
  streaming.raw += delta.text;
  std::string release = delta.text;
  if (streaming.turn.enforce) {
    guard::StreamPiece piece = co_await Push(streaming, delta.text);
    streaming.blocked = piece.blocked;
    release = std::move(piece.release);
  }
  if (streaming.blocked) co_return Fail(Code::kCancelled, kStopped);
  Status sent = co_await streaming.chunks.Text(std::move(release));
  if (!sent) streaming.left = true;
  co_return sent;
}

// What the guard still holds, and its last word.
asio::awaitable<void> FinishGuard(Streaming& streaming) {
  ChatTurn& turn = streaming.turn;
  const auto start = Steady::now();
  if (turn.enforce) {
    guard::StreamGuard* guard = &streaming.guard;
    auto work = [guard]() { return guard->Finish(); };
    guard::StreamPiece piece = co_await On(turn.service.guard_threads, std::move(work));
    streaming.blocked = streaming.blocked || piece.blocked;
    if (!streaming.blocked) {
      Status sent = co_await streaming.chunks.Text(std::move(piece.release));
      if (!sent) streaming.left = true;
    }
    turn.exchange.output = streaming.guard.verdict();
  } else {
    const guard::Guard* guard = turn.guard;
    guard::Subject subject{streaming.raw, UserText(turn.request.messages)};
    auto work = [guard, subject = std::move(subject)]() { return guard->Check(Direction::kOutput, subject); };
    turn.exchange.output = co_await On(turn.service.guard_threads, std::move(work));
  }
  const double ms = MillisSince(start);
  turn.exchange.guard_output_ms += ms;
  turn.service.metrics.ObserveGuard("output", turn.exchange.guard_output_ms / 1000);
}

asio::awaitable<void> GuardStreamedCalls(Streaming& streaming, const json::array& calls) {
  ChatTurn& turn = streaming.turn;
  for (const json::value& call : calls) {
    const guard::Guard* guard = turn.guard;
    guard::Subject subject{ToJson(call.at("function")), ""};
    auto work = [guard, subject = std::move(subject)]() { return guard->Check(Direction::kToolCall, subject); };
    guard::Verdict verdict = co_await On(turn.service.guard_threads, std::move(work));
    if (verdict.action > turn.exchange.action) {
      turn.exchange.action = verdict.action;
      turn.exchange.clause = verdict.clause;
    }
    if (turn.enforce && verdict.action >= Action::kRedact) {
      turn.exchange.output = std::move(verdict);
      streaming.blocked = true;
      co_return;
    }
  }
  json::array numbered;
  for (size_t i = 0; i < calls.size(); ++i) {
    json::object call = calls[i].as_object();
    call["index"] = i;
    numbered.push_back(std::move(call));
  }
  turn.exchange.response += ToJson(calls);
  json::object delta;
  delta["tool_calls"] = std::move(numbered);
  Status sent = co_await streaming.chunks.Delta(std::move(delta), nullptr);
  if (!sent) streaming.left = true;
}

// The stream ends here because the guard said so: our words, or the content filter.
asio::awaitable<void> EndBlocked(Streaming& streaming) {
  ChatTurn& turn = streaming.turn;
  const Withheld instead = Withhold(turn, *turn.exchange.output);
  turn.exchange.withheld = streaming.raw;
  turn.exchange.finish_reason = instead.finish_reason;
  std::string text = instead.text;
  if (!text.empty() && streaming.chunks.begun()) text = "\n\n" + text;
  Status sent = co_await streaming.chunks.Text(std::move(text));
  if (sent && !instead.refusal.empty()) {
    json::object delta;
    delta["refusal"] = instead.refusal;
    sent = co_await streaming.chunks.Delta(std::move(delta), nullptr);
  }
  co_await streaming.chunks.End();
}

// The provider failed after its answer had begun: the client is told, and sees no [DONE].
asio::awaitable<void> EndBroken(Streaming& streaming, Error error) {
  ChatTurn& turn = streaming.turn;
  turn.exchange.status = streaming.left ? "disconnected" : "error";
  turn.exchange.error = error.Text();
  turn.exchange.finish_reason = "error";
  if (!streaming.left) {
    const std::string bytes = net::WriteSseData(ToJson(OpenAiError(error)));
    co_await turn.out.Write(bytes);
  }
  auto receipt = co_await Close(turn);
  turn.out.Abort();
}

}  // namespace

asio::awaitable<void> AnswerStream(ChatTurn& turn) {
  Streaming streaming{turn, ChunkWriter(turn), guard::StreamGuard(*turn.guard, Direction::kOutput, UserText(turn.request.messages)),
                      "", false, false};
  turn.out.headers.Set("cache-control", "no-cache");
  provider::OnDelta on_delta = [&streaming](const provider::ChatDelta& delta) { return TakeDelta(streaming, delta); };
  Result<provider::ChatResponse> whole = co_await turn.answerer.provider->ChatStream(turn.request, on_delta);
  if (!whole && !streaming.blocked) {
    Error error = std::move(whole).error();
    if (streaming.chunks.begun() || streaming.left) {
      co_await EndBroken(streaming, std::move(error));
    } else {
      turn.exchange.withheld = streaming.raw;
      co_await AnswerError(turn, std::move(error));
    }
    co_return;
  }
  if (whole) {
    turn.exchange.usage = whole->usage;
    turn.exchange.finish_reason = whole->finish_reason;
  }
  co_await FinishGuard(streaming);
  const guard::Verdict& verdict = *turn.exchange.output;
  if (verdict.action > turn.exchange.action) {
    turn.exchange.action = verdict.action;
    turn.exchange.clause = verdict.clause;
  }
  if (whole && !streaming.blocked && !whole->tool_calls.empty()) co_await GuardStreamedCalls(streaming, whole->tool_calls);
  if (streaming.blocked) {
    co_await EndBlocked(streaming);
  } else {
    if (verdict.action == Action::kRedact && turn.enforce) turn.exchange.withheld = streaming.raw;
    co_await streaming.chunks.End();
  }
}

asio::awaitable<void> StreamInstead(ChatTurn& turn, Withheld instead) {
  ChunkWriter chunks(turn);
  turn.out.headers.Set("cache-control", "no-cache");
  Status sent = co_await chunks.Text(instead.text);
  if (!instead.refusal.empty()) {
    turn.exchange.response = instead.refusal;
    json::object delta;
    delta["refusal"] = instead.refusal;
    sent = co_await chunks.Delta(std::move(delta), nullptr);
  }
  co_await chunks.End();
}

}  // namespace plumb::gateway
