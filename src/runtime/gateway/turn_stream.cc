// The answer as it is written: text is passed on as the guard lets it go, every choice by a guard of its own; verdict and
// receipt come in a comment at the end.
#include <map>

#include "runtime/gateway/turn_guard.h"
#include "runtime/gateway/turn_messages.h"
#include "runtime/guard/stream.h"

namespace plumb::gateway {
namespace {

using guard::Action;
using guard::Direction;

// Where the stream's bytes go; the head of the answer goes out with the first.
class Sink {
 public:
  explicit Sink(Turn& turn) : turn_(turn), writer(turn.surface.Stream(turn.head, turn.call)) {}

  asio::awaitable<void> Send(std::string bytes) {
    if (bytes.empty() || left) co_return;
    if (!begun) {
      turn_.out.headers.Set("cache-control", "no-cache");
      Status started = co_await turn_.out.Start(200, "text/event-stream");
      left = !started;
      begun = true;
    }
    Status sent = co_await turn_.out.Write(bytes);
    left = left || !sent;
  }

 private:
  Turn& turn_;

 public:
  std::unique_ptr<StreamWriter> writer;
  bool begun = false;
  bool left = false;  // the client went away
};

// One choice on its way.
struct Spoken {
  guard::StreamGuard guard;
  std::string raw;       // what the model said
  std::string shown;     // what the caller was given
  bool blocked = false;  // by the guard
};

struct Streaming {
  Turn& turn;
  Sink sink;
  std::map<int, Spoken> choices;
};

// The reason a stream was stopped by us rather than by the provider.
constexpr char kStopped[] = "stopped by the guard";

Spoken& ChoiceOf(Streaming& streaming, int index) {
  Turn& turn = streaming.turn;
  auto found = streaming.choices.find(index);
  if (found == streaming.choices.end()) {
    guard::StreamGuard guard(*turn.guard, Direction::kOutput, UserText(turn.call.request.messages));
    found = streaming.choices.emplace(index, Spoken{std::move(guard), "", "", false}).first;
  }
  return found->second;
}

// Lets the guard see `text` (nothing more to come: nullopt) and takes what it lets go.
asio::awaitable<std::string> Ask(Turn& turn, Spoken& spoken, std::optional<std::string> text) {
  guard::StreamGuard* guard = &spoken.guard;
  const auto start = Steady::now();
  auto work = [guard, text = std::move(text)]() { return text ? guard->Push(*text) : guard->Finish(); };
  guard::StreamPiece piece = co_await On(turn.service.guard_threads, std::move(work));
  turn.exchange.guard_output_ms += MillisSince(start);
  spoken.blocked = spoken.blocked || piece.blocked;
  co_return spoken.blocked ? "" : std::move(piece.release);
}

asio::awaitable<void> ShowText(Streaming& streaming, int index, std::string text) {
  if (text.empty()) co_return;
  Turn& turn = streaming.turn;
  if (turn.exchange.first_text_ms == 0) turn.exchange.first_text_ms = turn.Elapsed();
  streaming.choices.at(index).shown += text;
  std::string bytes = streaming.sink.writer->Text(index, text, nullptr);
  co_await streaming.sink.Send(std::move(bytes));
}

bool AllBlocked(const Streaming& streaming) {
  return std::ssize(streaming.choices) >= streaming.turn.call.choices &&
         std::ranges::all_of(streaming.choices, [](const auto& choice) { return choice.second.blocked; });
}

asio::awaitable<Status> TakeDelta(Streaming& streaming, const provider::ChatDelta& delta) {
  if (delta.text.empty()) co_return Status();  // tool calls wait for their end; reasoning is not passed on
  const int index = 0;
  Spoken& spoken = ChoiceOf(streaming, index);
  spoken.raw += delta.text;
  std::string release = delta.text;
  if (streaming.turn.enforce && !spoken.blocked) release = co_await Ask(streaming.turn, spoken, delta.text);
  if (spoken.blocked) release.clear();
  if (AllBlocked(streaming)) co_return Fail(Code::kCancelled, kStopped);
  co_await ShowText(streaming, index, std::move(release));
  if (streaming.sink.left) co_return Fail(Code::kCancelled, "the client has left");
  co_return Status();
}

// What the guard still holds of a choice, and its last word.
asio::awaitable<guard::Verdict> FinishText(Streaming& streaming, int index) {
  Turn& turn = streaming.turn;
  Spoken& spoken = ChoiceOf(streaming, index);
  if (!turn.enforce) {
    guard::Verdict verdict = co_await CheckText(turn, Direction::kOutput, spoken.raw, UserText(turn.call.request.messages));
    co_return verdict;
  }
  std::string rest = co_await Ask(turn, spoken, std::nullopt);
  co_await ShowText(streaming, index, std::move(rest));
  co_return spoken.guard.verdict();
}

asio::awaitable<void> ShowToolCalls(Streaming& streaming, int index, const json::array& calls) {
  for (size_t i = 0; i < calls.size(); ++i) {
    json::object call = calls[i].as_object();
    call["index"] = i;
    std::string bytes = streaming.sink.writer->ToolCall(index, call);
    co_await streaming.sink.Send(std::move(bytes));
  }
  if (!calls.empty()) streaming.choices.at(index).shown += ToJson(calls);
}

// In place of what was not let through: our words, or the content filter.
asio::awaitable<void> ShowInstead(Streaming& streaming, int index, Choice& instead) {
  Spoken& spoken = streaming.choices.at(index);
  std::string text = std::move(instead.text);
  if (!text.empty() && !spoken.shown.empty()) text = "\n\n" + text;
  co_await ShowText(streaming, index, std::move(text));
  if (instead.refusal.empty()) co_return;
  if (spoken.shown.empty()) spoken.shown = instead.refusal;
  std::string bytes = streaming.sink.writer->Refusal(index, instead.refusal);
  co_await streaming.sink.Send(std::move(bytes));
}

void AddText(std::string& all, const std::string& text) {
  if (!all.empty() && !text.empty()) all += "\n\n";
  all += text;
}

// The end of one choice: what is held, its tool calls, and why it ends.
asio::awaitable<void> FinishChoice(Streaming& streaming, int index, const json::array& calls, std::string reason) {
  Turn& turn = streaming.turn;
  guard::Verdict verdict = co_await FinishText(streaming, index);
  TakeAction(turn.exchange, verdict.action, verdict.clause);
  TakeOutput(turn.exchange, verdict);
  Spoken& spoken = streaming.choices.at(index);
  if (!spoken.blocked) {
    const bool stopped = co_await GuardToolCalls(turn, calls);
    if (stopped) verdict = *turn.exchange.output;
    spoken.blocked = stopped;
  }
  if (spoken.blocked) {
    Choice instead = Withhold(turn, verdict);
    reason = instead.finish_reason;
    co_await ShowInstead(streaming, index, instead);
  } else {
    co_await ShowToolCalls(streaming, index, calls);
  }
  if (turn.enforce && verdict.action >= Action::kRedact) AddText(turn.exchange.withheld, spoken.raw);
  if (index == 0) turn.exchange.finish_reason = reason;
  std::string bytes = streaming.sink.writer->Finish(index, reason);
  co_await streaming.sink.Send(std::move(bytes));
}

// The comment that tells verdicts and receipt.
std::string Closing(const Exchange& exchange, const ledger::Receipt& receipt) {
  json::object plumb;
  plumb["exchange"] = exchange.id;
  plumb["action"] = policy::ActionName(exchange.action);
  plumb["input"] = exchange.input ? json::value(policy::ActionName(exchange.input->action)) : json::value();
  plumb["output"] = exchange.output ? json::value(policy::ActionName(exchange.output->action)) : json::value();
  plumb["receipt"] = {{"index", receipt.index}, {"leaf_hash", receipt.leaf_hash}, {"tree_size", receipt.tree_size}};
  return ToJson(json::object{{"plumb", std::move(plumb)}});
}

// Records, then says that this was all.
asio::awaitable<void> EndStream(Streaming& streaming) {
  Turn& turn = streaming.turn;
  for (const auto& [index, spoken] : streaming.choices) AddText(turn.exchange.response, spoken.shown);
  if (streaming.sink.left) turn.exchange.status = "disconnected";
  Result<ledger::Receipt> receipt = co_await Close(turn);
  if (!receipt) {
    // What was streamed cannot be called back; without its end mark the client knows it is not whole.
    turn.out.Abort();
    co_return;
  }
  std::string bytes = streaming.sink.writer->End(turn.exchange.usage, Closing(turn.exchange, *receipt));
  co_await streaming.sink.Send(std::move(bytes));
}

// The provider failed after its answer had begun: the client is told, and sees no end mark.
asio::awaitable<void> EndBroken(Streaming& streaming, Error error) {
  Turn& turn = streaming.turn;
  turn.exchange.status = streaming.sink.left ? "disconnected" : "error";
  turn.exchange.error = error.Text();
  turn.exchange.finish_reason = "error";
  for (const auto& [index, spoken] : streaming.choices) AddText(turn.exchange.response, spoken.shown);
  std::string bytes = streaming.sink.writer->Broken(error);
  co_await streaming.sink.Send(std::move(bytes));
  auto receipt = co_await Close(turn);
  turn.out.Abort();
}

asio::awaitable<void> Fail(Streaming& streaming, Error error) {
  if (streaming.sink.begun || streaming.sink.left) {
    co_await EndBroken(streaming, std::move(error));
    co_return;
  }
  for (const auto& [index, spoken] : streaming.choices) AddText(streaming.turn.exchange.withheld, spoken.raw);
  co_await AnswerError(streaming.turn, std::move(error));
}

}  // namespace

asio::awaitable<void> AnswerStream(Turn& turn) {
  Streaming streaming{turn, Sink(turn), {}};
  provider::OnDelta on_delta = [&streaming](const provider::ChatDelta& delta) { return TakeDelta(streaming, delta); };
  Result<provider::ChatResponse> whole = co_await turn.answerer.provider->ChatStream(turn.call.request, on_delta);
  if (!whole && !AllBlocked(streaming)) {
    co_await Fail(streaming, std::move(whole).error());
    co_return;
  }
  provider::ChatResponse end = whole ? std::move(*whole) : provider::ChatResponse();
  turn.exchange.usage = end.usage;
  co_await FinishChoice(streaming, 0, end.tool_calls, end.finish_reason);
  co_await EndStream(streaming);
}

asio::awaitable<void> SendStreamed(Turn& turn, Choice instead) {
  Streaming streaming{turn, Sink(turn), {}};
  ChoiceOf(streaming, 0);
  co_await ShowInstead(streaming, 0, instead);
  std::string bytes = streaming.sink.writer->Finish(0, instead.finish_reason);
  co_await streaming.sink.Send(std::move(bytes));
  co_await EndStream(streaming);
}

}  // namespace plumb::gateway
