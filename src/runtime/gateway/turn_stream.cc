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

// Where the stream's bytes go: gathered by Put, sent by Flush. The head of the answer goes out with the first.
class Sink {
 public:
  explicit Sink(Turn& turn) : writer(turn.surface.Stream(turn.head, turn.call)), turn_(turn) {}

  void Put(std::string_view bytes) {
    if (bytes.empty() || left) return;
    begun = true;
    waiting_ += bytes;
  }
  asio::awaitable<void> Flush() {
    if (waiting_.empty() || left) co_return;
    Status sent;
    if (turn_.out.started()) sent = co_await turn_.out.Write(waiting_);
    else sent = co_await Start();
    waiting_.clear();
    left = !sent;
  }
  // What was put is the last.
  asio::awaitable<void> Finish() {
    if (!turn_.out.started()) co_await Flush();
    if (left) co_return;
    Status sent = co_await turn_.out.Finish(waiting_);
    left = !sent;
  }

  std::unique_ptr<StreamWriter> writer;
  bool begun = false;
  bool left = false;  // the client went away

 private:
  asio::awaitable<Status> Start() {
    turn_.out.headers.Set("cache-control", "no-cache");
    return turn_.out.Start(200, "text/event-stream", waiting_);
  }

  Turn& turn_;
  std::string waiting_;
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

void TellPiece(Streaming& streaming, int index, const guard::AnswerPiece& piece) {
  if (piece.empty()) return;
  Turn& turn = streaming.turn;
  if (turn.exchange.first_text_ms == 0) turn.exchange.first_text_ms = turn.Elapsed();
  StreamWriter& writer = *streaming.sink.writer;
  if (!piece.reasoning.empty()) streaming.sink.Put(writer.Reasoning(index, piece.reasoning));
  if (!piece.text.empty()) streaming.sink.Put(writer.Text(index, piece.text, piece.logprobs));
  if (!piece.refusal.empty()) streaming.sink.Put(writer.Refusal(index, piece.refusal));
  for (const json::value& call : piece.tool_calls) streaming.sink.Put(writer.ToolCall(index, call.as_object()));
}

// What the guard let go: the record has it as it is, the caller with what was taken out of the request put back.
void Show(Streaming& streaming, int index, guard::AnswerPiece piece) {
  if (piece.empty()) return;
  Spoken& spoken = streaming.choices[index];
  if (!spoken.restorer) spoken.restorer.emplace(streaming.turn.places);
  spoken.shown += piece.text;
  if (!piece.tool_calls.empty()) spoken.shown += ToJson(piece.tool_calls);
  const guard::AnswerPiece told = spoken.restorer->Push(std::move(piece));
  TellPiece(streaming, index, told);
}

// Where something else begins, what is held of the reasoning goes out first: a reader has it in one piece. Its seal fits
// only what nobody changed.
asio::awaitable<void> CloseReasoning(Streaming& streaming, Spoken& spoken, const provider::ChatDelta& delta) {
  spoken.reasoning = false;
  const guard::AnswerPiece rest = co_await EndReasoning(streaming.turn, *spoken.guard);
  Show(streaming, delta.choice, rest);
  if (delta.signature.empty() || spoken.guard->blocked() || spoken.guard->redacted()) co_return;
  streaming.sink.Put(streaming.sink.writer->Signature(delta.choice, delta.signature));
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
  const bool over = !delta.text.empty() || !delta.tool_calls.empty() || !delta.signature.empty();
  if (over && spoken.reasoning) co_await CloseReasoning(streaming, spoken, delta);
  guard::AnswerPiece piece{.text = delta.text, .reasoning = delta.reasoning, .tool_calls = delta.tool_calls, .logprobs = delta.logprobs};
  if (spoken.leak && spoken.leak->Push(delta.text)) spoken.leaked = true;
  guard::AnswerPiece out = co_await PushGuard(streaming.turn, *spoken.guard, std::move(piece));
  if (spoken.leaked) out = {};
  if (AllBlocked(streaming)) co_return Fail(Code::kCancelled, kStopped);
  Show(streaming, delta.choice, std::move(out));
  if (!delta.more) co_await streaming.sink.Flush();
  if (streaming.sink.left) co_return Fail(Code::kCancelled, "the client has left");
  co_return Status();
}

// In place of what was not let through: our words, or the content filter.
void ShowInstead(Streaming& streaming, int index, const Choice& instead) {
  std::string& shown = streaming.choices[index].shown;
  guard::AnswerPiece piece{.text = instead.text, .refusal = instead.refusal};
  if (!piece.text.empty() && !shown.empty()) piece.text.insert(0, "\n\n");
  Show(streaming, index, std::move(piece));
  if (shown.empty()) shown = instead.refusal;
}

// Nothing more comes of a choice.
void CloseChoice(Streaming& streaming, int index, std::string reason) {
  const guard::AnswerPiece rest = streaming.choices[index].restorer ? streaming.choices[index].restorer->Finish() : guard::AnswerPiece();
  TellPiece(streaming, index, rest);
  if (index == 0) streaming.turn.exchange.finish_reason = reason;
  streaming.sink.Put(streaming.sink.writer->Finish(index, reason));
}

void CloseWithheld(Streaming& streaming, int index, const guard::Verdict& verdict) {
  streaming.sink.writer->Stopped("");
  const Choice instead = Withhold(streaming.turn, verdict);
  ShowInstead(streaming, index, instead);
  CloseChoice(streaming, index, instead.finish_reason);
}

asio::awaitable<void> SpeakAgain(Streaming& streaming, guard::Verdict verdict);

// The end of one choice: what is held, or what stands in its place, and why it ends.
asio::awaitable<void> FinishChoice(Streaming& streaming, int index, std::string reason) {
  Turn& turn = streaming.turn;
  Spoken& spoken = ChoiceOf(streaming, index);
  Finished finished = co_await FinishGuard(turn, *spoken.guard);
  if (!turn.route->shadow.empty()) turn.said.choices.push_back({.text = spoken.guard->said(), .tool_calls = spoken.guard->calls()});
  if (!finished.blocked) {
    Show(streaming, index, std::move(finished.rest));
    CloseChoice(streaming, index, std::move(reason));
    co_return;
  }
  const guard::Verdict verdict = std::move(finished.verdict);
  if (!streaming.again && MayAskAgain(turn, verdict)) {
    co_await SpeakAgain(streaming, verdict);
  } else {
    CloseWithheld(streaming, index, verdict);
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
    CloseWithheld(streaming, 0, verdict);
  }
}

std::string ShownSoFar(const Streaming& streaming) {
  std::string all;
  for (const auto& [index, spoken] : streaming.choices) AddText(all, spoken.shown);
  return all;
}

// Records, then says that this was all.
asio::awaitable<void> EndStream(Streaming& streaming) {
  Turn& turn = streaming.turn;
  co_await streaming.sink.Flush();  // before the wait for the record
  turn.exchange.response = ShownSoFar(streaming);
  if (streaming.sink.left) turn.exchange.status = "disconnected";
  Result<ledger::Receipt> receipt = co_await Close(turn);
  if (!receipt) {
    // What was streamed cannot be called back; without its end mark the client knows it is not whole.
    turn.out.Abort();
    co_return;
  }
  streaming.sink.Put(streaming.sink.writer->End(turn.exchange.usage, ClosingComment(turn.exchange, *receipt)));
  co_await streaming.sink.Finish();
}

// The provider failed after its answer had begun: the client is told, and sees no end mark.
asio::awaitable<void> EndBroken(Streaming& streaming, Error error) {
  Turn& turn = streaming.turn;
  turn.exchange.status = streaming.sink.left || turn.out.PeerGone() ? "disconnected" : "error";
  turn.exchange.error = error.Text();
  turn.trace.error = CodeName(error.code);
  turn.exchange.finish_reason = "error";
  turn.exchange.response = ShownSoFar(streaming);
  streaming.sink.Put(streaming.sink.writer->Broken(error));
  co_await streaming.sink.Flush();
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
  streaming.sink.writer->Stopped(end.stop_sequence);
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
    ShowInstead(streaming, index, instead);
    streaming.sink.Put(streaming.sink.writer->Finish(index, instead.finish_reason));
  }
  co_await EndStream(streaming);
}

}  // namespace plumb::gateway
