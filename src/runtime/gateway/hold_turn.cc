#include "runtime/gateway/hold_turn.h"

#include <boost/asio/steady_timer.hpp>
#include <charconv>

#include "runtime/gateway/turn_guard.h"
#include "runtime/gateway/turn_places.h"

namespace plumb::gateway {
namespace {

using guard::Action;

constexpr std::chrono::milliseconds kLook{250};  // how often a waiting caller's ledger is looked at

bool Holds(const policy::On& on) { return on.output == Action::kHold || on.tool_call == Action::kHold; }

const Surface& SurfaceNamed(std::string_view name) {
  for (const Surface* surface : {&ChatSurface(), &CompletionsSurface(), &ResponsesSurface(), &MessagesSurface()})
    if (surface->name() == name) return *surface;
  return ChatSurface();
}

Hold HoldOf(const Turn& turn, Answer answer) {
  const Exchange& exchange = turn.exchange;
  Hold hold;
  hold.exchange = exchange.id;
  const auto keep = ParseDuration(turn.route->review_expires).value_or(std::chrono::hours(24));
  hold.expires = FormatTime(turn.service.options.clock() + keep);
  hold.api = turn.surface.name();
  hold.model = turn.head.model;
  hold.key = exchange.key;
  hold.subject = exchange.subject;
  hold.clause = exchange.action == Action::kHold ? exchange.clause : "";
  hold.policy = turn.stance->policy.hash;
  hold.stream = turn.call.stream;
  hold.created = turn.head.created;
  hold.choices = turn.call.choices;
  hold.echo = turn.call.echo;
  hold.messages = exchange.messages;
  hold.answer = std::move(answer);
  hold.places = turn.places.Json();
  return hold;
}

// What became of it within the caller's patience.
asio::awaitable<Result<Hold>> Await(Service& service, std::string exchange, std::chrono::seconds patience) {
  const auto deadline = Steady::now() + patience;
  ledger::Ledger* ledger = service.ledger.get();
  while (true) {
    const Time now = service.options.clock();
    auto find = [ledger, exchange, now]() { return FindHold(*ledger, exchange, now); };
    Result<Hold> hold = co_await On(service.ledger_threads, std::move(find));
    const bool decided = hold && hold->state != HoldState::kWaiting;
    if (!hold || decided || service.draining || Steady::now() >= deadline) co_return hold;
    asio::steady_timer timer(service.executor, kLook);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

// What the caller is given: a released answer with its values put back, an edited one too where it names them.
Answer ForCaller(const Hold& hold) {
  Answer answer = FinalAnswer(hold);
  const guard::Placeholders places = guard::Placeholders::FromJson(hold.places);
  for (Choice& choice : answer.choices) Restore(places, choice);
  return answer;
}

std::string Location(const std::string& exchange) { return "/v1/exchanges/" + exchange; }

asio::awaitable<void> SendWaiting(Turn& turn, const Hold& hold) {
  turn.out.headers.Set("location", Location(hold.exchange));
  turn.out.headers.Set("retry-after", "5");
  json::object body;
  body["id"] = hold.exchange;
  body["object"] = "plumb.held";
  body["created"] = hold.created;
  body["model"] = hold.model;
  body["status"] = "held";
  body["location"] = Location(hold.exchange);
  body["expires"] = hold.expires;
  body["message"] = "A person looks at this answer before it is given. Ask for it at `location`, or wait for it with 'Prefer: wait=SECONDS'.";
  const json::value value(std::move(body));
  co_await turn.out.SendJson(202, value);
}

// Everything that a stream would have said, at once.
std::string Streamed(const Turn& turn, const Answer& answer, const ledger::Receipt& receipt) {
  const std::unique_ptr<StreamWriter> writer = turn.surface.Stream(turn.head, turn.call);
  std::string bytes;
  for (size_t i = 0; i < answer.choices.size(); ++i) {
    const Choice& choice = answer.choices[i];
    const int index = static_cast<int>(i);
    if (!choice.reasoning.empty()) bytes += writer->Reasoning(index, choice.reasoning);
    if (!choice.reasoning.empty() && !choice.signature.empty()) bytes += writer->Signature(index, choice.signature);
    if (!choice.text.empty()) bytes += writer->Text(index, choice.text, choice.logprobs);
    if (!choice.refusal.empty()) bytes += writer->Refusal(index, choice.refusal);
    for (size_t k = 0; k < choice.tool_calls.size(); ++k) {
      json::object call = choice.tool_calls[k].as_object();
      call["index"] = k;
      bytes += writer->ToolCall(index, call);
    }
    writer->Stopped(choice.stop_sequence);
    bytes += writer->Finish(index, choice.finish_reason);
  }
  return bytes + writer->End(answer.usage, ClosingComment(turn.exchange, receipt));
}

}  // namespace

bool MustHold(const Turn& turn) {
  return turn.enforce && (turn.route->before_release || turn.exchange.action == Action::kHold);
}

bool MayHold(const Turn& turn) {
  if (!turn.enforce) return false;
  if (MustHold(turn)) return true;
  const policy::Policy& policy = turn.stance->policy;
  for (const policy::Category& category : policy.categories)
    if (Holds(category.on) || (!category.detect.empty() && Holds(category.on_detect))) return true;
  for (const policy::ToolRule& rule : policy.tools.rules)
    if (rule.action == Action::kHold) return true;
  return !policy.tools.empty() && policy.tools.action == Action::kHold;
}

std::chrono::seconds PatienceOf(const net::Request& request) {
  std::string_view said = Trim(request.headers.Get("x-plumb-wait"));
  if (said.empty()) {
    for (std::string_view preference : Split(request.headers.Get("prefer"), ',')) {
      preference = Trim(preference.substr(0, preference.find(';')));
      if (StartsWithNoCase(preference, "wait=")) said = Trim(preference.substr(5));
    }
  }
  int64_t seconds = 0;
  const auto read = std::from_chars(said.data(), said.data() + said.size(), seconds);
  if (said.empty() || read.ec != std::errc() || read.ptr != said.data() + said.size() || seconds < 0) return std::chrono::seconds(0);
  return std::min(std::chrono::seconds(seconds), kLongestWait);
}

asio::awaitable<void> SendRecorded(Turn& turn, const Answer& answer, const ledger::Receipt& receipt) {
  turn.out.headers.Set("x-plumb-verdict", VerdictHeader(turn));
  SetReceipt(turn, receipt);
  if (!turn.call.stream) {
    const json::value body = turn.surface.Whole(turn.head, turn.call, answer);
    co_await turn.out.SendJson(200, body);
    co_return;
  }
  turn.out.headers.Set("cache-control", "no-cache");
  const std::string bytes = Streamed(turn, answer, receipt);
  Status started = co_await turn.out.Start(200, "text/event-stream");
  if (started) co_await turn.out.Write(bytes);
}

asio::awaitable<void> HoldAnswer(Turn& turn, Answer answer) {
  turn.exchange.status = "held";
  turn.exchange.finish_reason = "held";
  turn.exchange.response.clear();
  Result<ledger::Receipt> receipt = co_await Close(turn);
  if (!receipt || Unrecorded(*receipt)) {  // what the ledger does not have could not be given later
    co_await AnswerUnrecorded(turn);
    co_return;
  }
  Hold hold = HoldOf(turn, std::move(answer));
  ledger::Ledger* ledger = turn.service.ledger.get();
  auto put = [ledger, hold]() { return PutHold(*ledger, hold); };
  Result<ledger::Receipt> kept = co_await On(turn.service.ledger_threads, std::move(put));
  if (!kept) {
    co_await AnswerUnrecorded(turn);
    co_return;
  }
  const std::chrono::seconds patience = PatienceOf(turn.asked);
  if (patience.count() > 0) {
    turn.out.headers.Set("preference-applied", fmt::format("wait={}", patience.count()));
    if (Result<Hold> decided = co_await Await(turn.service, hold.exchange, patience)) hold = std::move(*decided);
  }
  if (hold.state == HoldState::kWaiting) {
    co_await SendWaiting(turn, hold);
    co_return;
  }
  const Answer given = ForCaller(hold);
  co_await SendRecorded(turn, given, *receipt);
}

int DescribeHold(const Hold& hold, bool reviewer, bool own, json::object& body) {
  body["held"] = HoldJson(hold, reviewer);
  if (hold.state == HoldState::kWaiting) return 202;
  Head head;
  head.exchange = hold.exchange;
  head.created = hold.created;
  head.model = hold.model;
  Call call;
  call.request.model = hold.model;
  call.choices = hold.choices;
  call.echo = hold.echo;
  const Answer answer = own ? ForCaller(hold) : FinalAnswer(hold);
  const Choice& first = answer.choices.front();
  body["response"] = first.text.empty() ? first.refusal : first.text;
  body["answer"] = SurfaceNamed(hold.api).Whole(head, call, answer);
  return 200;
}

}  // namespace plumb::gateway
