// The answer as it is written: every piece is passed on as the guard lets it go, each choice by a guard of its own; verdict
// and receipt come in a comment at the end.
#include <algorithm>
#include <map>

#include "runtime/gateway/turn_again.h"
#include "runtime/gateway/turn_guard.h"
#include "runtime/gateway/turn_messages.h"
#include "runtime/gateway/turn_rules.h"
#include "runtime/gateway/turn_vendor.h"

namespace plumb::gateway {
namespace {

// Where the stream's bytes go; the head of the answer goes out with the first.
class Sink {
 public:
  explicit Sink(Turn& turn) : writer(turn.surface.Stream(turn.head, turn.call)), turn_(turn) {}

  asio::awaitable<void> Send(std::string bytes) {
    if (bytes.empty() || left) co_return;
    if (!begun) {
      begun = true;
      turn_.out.headers.Set("cache-control", "no-cache");
      Status started = co_await turn_.out.Start(200, "text/event-stream");
      left = !started;
    }
    Status sent = co_await turn_.out.Write(bytes);
    left = left || !sent;
  }

  std::unique_ptr<StreamWriter> writer;
  bool begun = false;
  bool left = false;  // the client went away

 private:
  Turn& turn_;
};

// One choice on its way.
struct Spoken {
  std::unique_ptr<guard::AnswerGuard> guard;
  std::optional<guard::AnswerRestorer> restorer;
  std::string shown;       // what the caller was given, as the record has it
  bool reasoning = false;  // it has begun and not ended
  std::optional<PromptLeak::Scan> leak;  // nothing where nobody watches for one
  bool leaked = false;     // and is stopped for it

  bool blocked() const { return leaked || guard->blocked(); }
};

struct Streaming {
  Turn& turn;
  Sink sink;
  std::map<int, Spoken> choices;
  bool again = false;  // the model was asked once more
};

// The reason a stream was stopped by us rather than by the provider.
constexpr char kStopped[] = "stopped by the guard";

Spoken& ChoiceOf(Streaming& streaming, int index) {
  Spoken& spoken = streaming.choices[index];
  if (!spoken.guard) {
    const Turn& turn = streaming.turn;
    const guard::AnswerOptions options{.stream = true, .enforce = turn.enforce};
    spoken.guard = std::make_unique<guard::AnswerGuard>(*turn.guard, UserText(turn.call.request.messages), options);
    if (turn.enforce && WatchesLeaks(turn)) spoken.leak.emplace(turn.prompt->leak);
  }
  return spoken;
}

bool AllBlocked(const Streaming& streaming) {
  return std::ssize(streaming.choices) >= streaming.turn.call.choices &&
         std::ranges::all_of(streaming.choices, [](const auto& choice) { return choice.second.blocked(); });
}

asio::awaitable<void> Tell(Streaming& streaming, int index, const guard::AnswerPiece& piece) {
  if (piece.empty()) co_return;
  Turn& turn = streaming.turn;
  if (turn.exchange.first_text_ms == 0) turn.exchange.first_text_ms = turn.Elapsed();
  StreamWriter& writer = *streaming.sink.writer;
  std::string bytes;
  if (!piece.reasoning.empty()) bytes += writer.Reasoning(index, piece.reasoning);
  if (!piece.text.empty()) bytes += writer.Text(index, piece.text, piece.logprobs);
  if (!piece.refusal.empty()) bytes += writer.Refusal(index, piece.refusal);
  for (const json::value& call : piece.tool_calls) bytes += writer.ToolCall(index, call.as_object());
  co_await streaming.sink.Send(std::move(bytes));
}

// What the guard let go: the record has it as it is, the caller with what was taken out of the request put back.
asio::awaitable<void> Show(Streaming& streaming, int index, guard::AnswerPiece piece) {
  Spoken& spoken = streaming.choices[index];
  if (!spoken.restorer) spoken.restorer.emplace(streaming.turn.places);
  spoken.shown += piece.text;
  if (!piece.tool_calls.empty()) spoken.shown += ToJson(piece.tool_calls);
  const guard::AnswerPiece told = spoken.restorer->Push(std::move(piece));
  co_await Tell(streaming, index, told);
}

// Where something else begins, what is held of the reasoning goes out first: a reader has it in one piece. Its seal fits
// only what nobody changed.
asio::awaitable<void> CloseReasoning(Streaming& streaming, Spoken& spoken, const provider::ChatDelta& delta) {
  const bool over = !delta.text.empty() || !delta.tool_calls.empty() || !delta.signature.empty();
  if (!over || !spoken.reasoning) co_return;
  spoken.reasoning = false;
  const guard::AnswerPiece rest = co_await EndReasoning(streaming.turn, *spoken.guard);
  co_await Show(streaming, delta.choice, rest);
  if (delta.signature.empty() || spoken.guard->blocked() || spoken.guard->redacted()) co_return;
  std::string bytes = streaming.sink.writer->Signature(delta.choice, delta.signature);
  co_await streaming.sink.Send(std::move(bytes));
}

// Nothing is written yet: the answer can still say who gives it.
void HearSpeaker(Streaming& streaming, const provider::ChatDelta& delta) {
  if (streaming.sink.begun) return;
  Turn& turn = streaming.turn;
  const std::string before = turn.head.model;
  TakeSpeaker(turn, delta);
  if (turn.head.model != before) streaming.sink.writer = turn.surface.Stream(turn.head, turn.call);
}

asio::awaitable<Status> TakeDelta(Streaming& streaming, const provider::ChatDelta& delta) {
  Heard(streaming.turn);
  HearSpeaker(streaming, delta);
  Spoken& spoken = ChoiceOf(streaming, delta.choice);
  spoken.reasoning = spoken.reasoning || !delta.reasoning.empty();
  co_await CloseReasoning(streaming, spoken, delta);
  guard::AnswerPiece piece{.text = delta.text, .reasoning = delta.reasoning, .tool_calls = delta.tool_calls, .logprobs = delta.logprobs};
  if (spoken.leak && spoken.leak->Push(delta.text)) spoken.leaked = true;
  guard::AnswerPiece out = co_await PushGuard(streaming.turn, *spoken.guard, std::move(piece));
  if (spoken.leaked) out = {};
  if (AllBlocked(streaming)) co_return Fail(Code::kCancelled, kStopped);
  co_await Show(streaming, delta.choice, std::move(out));
  if (streaming.sink.left) co_return Fail(Code::kCancelled, "the client has left");
  co_return Status();
}

// In place of what was not let through: our words, or the content filter.
asio::awaitable<void> ShowInstead(Streaming& streaming, int index, const Choice& instead) {
  std::string& shown = streaming.choices[index].shown;
  guard::AnswerPiece piece{.text = instead.text, .refusal = instead.refusal};
  if (!piece.text.empty() && !shown.empty()) piece.text.insert(0, "\n\n");
  co_await Show(streaming, index, std::move(piece));
  if (shown.empty()) shown = instead.refusal;
}

// Nothing more comes of a choice.
asio::awaitable<void> CloseChoice(Streaming& streaming, int index, std::string reason) {
  const guard::AnswerPiece rest = streaming.choices[index].restorer ? streaming.choices[index].restorer->Finish() : guard::AnswerPiece();
  co_await Tell(streaming, index, rest);
  if (index == 0) streaming.turn.exchange.finish_reason = reason;
  std::string bytes = streaming.sink.writer->Finish(index, reason);
  co_await streaming.sink.Send(std::move(bytes));
}

asio::awaitable<void> CloseWithheld(Streaming& streaming, int index, const guard::Verdict& verdict) {
  const Choice instead = Withhold(streaming.turn, verdict);
  co_await ShowInstead(streaming, index, instead);
  co_await CloseChoice(streaming, index, instead.finish_reason);
}

asio::awaitable<void> SpeakAgain(Streaming& streaming, guard::Verdict verdict);

// The end of one choice: what is held, or what stands in its place, and why it ends.
asio::awaitable<void> FinishChoice(Streaming& streaming, int index, std::string reason) {
  Turn& turn = streaming.turn;
  Spoken& spoken = ChoiceOf(streaming, index);
  Finished finished = co_await FinishGuard(turn, *spoken.guard);
  if (!turn.route->shadow.empty()) turn.said.choices.push_back({.text = spoken.guard->said(), .tool_calls = spoken.guard->calls()});
  if (!finished.blocked) {
    co_await Show(streaming, index, std::move(finished.rest));
    co_await CloseChoice(streaming, index, std::move(reason));
    co_return;
  }
  const guard::Verdict verdict = std::move(finished.verdict);
  if (!streaming.again && MayAskAgain(turn, verdict)) {
    co_await SpeakAgain(streaming, verdict);
  } else {
    co_await CloseWithheld(streaming, index, verdict);
  }
}

// A second answer, guarded like the first, follows on what was shown of that. Where there is none, or it breaks a clause
// too, our words stand in its place.
asio::awaitable<void> SpeakAgain(Streaming& streaming, guard::Verdict verdict) {
  Turn& turn = streaming.turn;
  streaming.again = true;
  Spoken& spoken = streaming.choices.at(0);
  spoken.guard = nullptr;
  spoken.reasoning = spoken.leaked = false;
  ChoiceOf(streaming, 0);
  provider::OnDelta on_delta = [&streaming](const provider::ChatDelta& delta) { return TakeDelta(streaming, delta); };
  provider::ChatRequest request = AskAgain(turn, verdict, spoken.shown);
  Result<provider::ChatResponse> second = co_await turn.answerer.provider->ChatStream(std::move(request), on_delta);
  if (second) AddUsage(turn.exchange.usage, second->usage);
  if (second || AllBlocked(streaming)) {
    std::string reason = second ? second->finish_reason : "";
    co_await FinishChoice(streaming, 0, std::move(reason));
  } else {
    co_await CloseWithheld(streaming, 0, verdict);
  }
}

std::string Shown(const Streaming& streaming) {
  std::string all;
  for (const auto& [index, spoken] : streaming.choices) AddText(all, spoken.shown);
  return all;
}

// Records, then says that this was all.
asio::awaitable<void> EndStream(Streaming& streaming) {
  Turn& turn = streaming.turn;
  turn.exchange.response = Shown(streaming);
  if (streaming.sink.left) turn.exchange.status = "disconnected";
  Result<ledger::Receipt> receipt = co_await Close(turn);
  if (!receipt) {
    // What was streamed cannot be called back; without its end mark the client knows it is not whole.
    turn.out.Abort();
    co_return;
  }
  std::string bytes = streaming.sink.writer->End(turn.exchange.usage, ClosingComment(turn.exchange, *receipt));
  co_await streaming.sink.Send(std::move(bytes));
}

// The provider failed after its answer had begun: the client is told, and sees no end mark.
asio::awaitable<void> EndBroken(Streaming& streaming, Error error) {
  Turn& turn = streaming.turn;
  turn.exchange.status = streaming.sink.left || turn.out.PeerGone() ? "disconnected" : "error";
  turn.exchange.error = error.Text();
  turn.trace.error = CodeName(error.code);
  turn.exchange.finish_reason = "error";
  turn.exchange.response = Shown(streaming);
  std::string bytes = streaming.sink.writer->Broken(error);
  co_await streaming.sink.Send(std::move(bytes));
  auto receipt = co_await Close(turn);
  turn.out.Abort();
}

asio::awaitable<void> Break(Streaming& streaming, Error error) {
  if (streaming.sink.begun || streaming.sink.left) {
    co_await EndBroken(streaming, std::move(error));
    co_return;
  }
  for (const auto& [index, spoken] : streaming.choices) AddText(streaming.turn.exchange.withheld, spoken.guard->said());
  co_await AnswerError(streaming.turn, std::move(error));
}

// A stream that broke before anything of it was let out may be asked for again from its beginning.
bool Forget(Streaming& streaming) {
  if (streaming.sink.begun || AllBlocked(streaming)) return false;
  streaming.choices.clear();
  return true;
}

}  // namespace

asio::awaitable<void> AnswerStream(Turn& turn) {
  Streaming streaming{turn, Sink(turn), {}};
  turn.call.request.forget = [&streaming]() { return Forget(streaming); };
  provider::OnDelta on_delta = [&streaming](const provider::ChatDelta& delta) { return TakeDelta(streaming, delta); };
  BeginAsk(turn);
  PrepareAsk(turn);
  Result<provider::ChatResponse> whole = co_await turn.answerer.provider->ChatStream(turn.call.request, on_delta);
  EndAsk(turn, whole ? whole->model : "");
  if (!whole && !AllBlocked(streaming)) {
    co_await Break(streaming, std::move(whole).error());
    co_return;
  }
  const bool ended = whole.has_value();
  const provider::ChatResponse end = ended ? std::move(*whole) : provider::ChatResponse();
  turn.exchange.usage = end.usage;
  if (ended) TakeVendor(turn, end);
  co_await FinishChoice(streaming, 0, end.finish_reason);
  for (int index = 1; index < turn.call.choices; ++index) {
    const auto found = std::ranges::find(end.choices, index, &provider::Choice::index);
    std::string reason = found == end.choices.end() ? "stop" : found->finish_reason;
    co_await FinishChoice(streaming, index, std::move(reason));
  }
  if (ended) KeepAnswer(turn, end);
  co_await EndStream(streaming);
}

asio::awaitable<void> SendStreamed(Turn& turn, Choice instead) {
  Streaming streaming{turn, Sink(turn), {}};
  for (int index = 0; index < turn.call.choices; ++index) {
    co_await ShowInstead(streaming, index, instead);
    std::string bytes = streaming.sink.writer->Finish(index, instead.finish_reason);
    co_await streaming.sink.Send(std::move(bytes));
  }
  co_await EndStream(streaming);
}

}  // namespace plumb::gateway
