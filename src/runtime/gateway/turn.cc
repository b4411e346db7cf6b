#include "runtime/gateway/turn.h"

#include "runtime/gateway/access.h"
#include "runtime/gateway/turn_guard.h"
#include "runtime/gateway/turn_places.h"

namespace plumb::gateway {
namespace {

Result<json::object> ParseBody(const net::Request& request) {
  auto parsed = ParseJson(request.body, "request body");
  if (!parsed) return Fail(Code::kInvalid, "{}", parsed.error().Text());  // with line and column
  if (!parsed->is_object()) return Fail(Code::kInvalid, "the request body must be a JSON object");
  return std::move(parsed->as_object());
}

// What the policy's routes can match.
std::map<std::string, std::string> Attributes(const net::Request& request, const std::string& model, const Caller& caller) {
  std::map<std::string, std::string> attributes = {{"model", model}, {"key", caller.name}};
  for (const char* name : {"channel", "region", "locale", "domain"}) {
    if (const auto value = request.headers.Get(fmt::format("x-plumb-{}", name)); !value.empty()) attributes[name] = value;
  }
  return attributes;
}

// Who answers, and under which route of the policy.
Status Route(Turn& turn, const Caller& caller) {
  provider::ChatRequest& request = turn.call.request;
  PLUMB_TRY(turn.answerer, FindAnswerer(*turn.force, request.model));
  turn.head.model = request.model.empty() ? turn.answerer.route->name : request.model;
  turn.route = &RouteFor(turn.force->policy, Attributes(turn.asked, turn.head.model, caller));
  turn.enforce = turn.route->mode != "observe";
  turn.guard = &GuardFor(*turn.force, *turn.route);
  request.model = turn.answerer.model;
  return {};
}

// What is recorded whatever becomes of it.
void OpenExchange(Turn& turn, const Caller& caller) {
  Exchange& exchange = turn.exchange;
  exchange.api = turn.surface.name();
  exchange.model = turn.head.model;
  exchange.target = turn.answerer.target;
  exchange.route = turn.answerer.route->name;
  exchange.provider = turn.answerer.provider->name();
  exchange.key = caller.name;
  exchange.subject = turn.call.subject;
  exchange.stream = turn.call.stream;
  exchange.mode = turn.route->mode;
  exchange.log = turn.route->log;
  exchange.messages = turn.call.request.messages;
}

// Everything about the request that needs neither guard nor model. Error: what the caller did wrong.
Status Prepare(Turn& turn, Caller& caller) {
  PLUMB_TRY(caller, Authorise(turn.service, turn.asked));
  PLUMB_TRY(const json::object body, ParseBody(turn.asked));
  PLUMB_TRY(turn.call, turn.surface.Parse(body));
  PLUMB_CHECK(Route(turn, caller));
  PLUMB_CHECK(MayAsk(caller, turn.head.model));
  OpenExchange(turn, caller);
  return {};
}

void SetHeaders(Turn& turn) {
  const policy::Policy& policy = turn.force->policy;
  turn.out.headers.Set("x-plumb-exchange", turn.exchange.id);
  turn.out.headers.Set("x-request-id", turn.exchange.id);  // where OpenAI's clients look
  turn.out.headers.Set("request-id", turn.exchange.id);    // where Anthropic's do
  turn.out.headers.Set("x-plumb-policy", fmt::format("{}@{}; sha256={}", policy.id, policy.version, policy.hash));
}

// What the policy adds to the question.
void Instruct(Turn& turn) {
  if (!turn.answerer.route->policy_prompt) return;
  turn.call.request.messages = provider::WithSystem(turn.call.request.messages, turn.force->system_prompt);
}

asio::awaitable<void> AnswerInstead(Turn& turn, Choice instead) {
  turn.exchange.finish_reason = instead.finish_reason;
  if (turn.call.stream) {
    co_await SendStreamed(turn, std::move(instead));
    co_return;
  }
  Answer answer;
  answer.choices.assign(static_cast<size_t>(turn.call.choices), instead);
  co_await SendWhole(turn, std::move(answer));
}

asio::awaitable<void> Take(Turn& turn) {
  const Entry entry = co_await Enter(turn);
  if (entry == Entry::kAnswered) co_return;
  if (entry == Entry::kWithheld) {
    Choice instead = Withhold(turn, *turn.exchange.input);
    co_await AnswerInstead(turn, std::move(instead));
    co_return;
  }
  Instruct(turn);
  if (turn.call.stream) {
    co_await AnswerStream(turn);
  } else {
    co_await AnswerWhole(turn);
  }
}

}  // namespace

Turn::Turn(Service& s, const Surface& f, const net::Request& request, net::ResponseWriter& writer)
    : service(s), surface(f), asked(request), out(writer) {
  const Time now = service.options.clock();
  exchange.id = NewId("exc", now);
  head.exchange = exchange.id;
  head.created = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

asio::awaitable<Entry> Enter(Turn& turn) {
  Caller caller;
  Status prepared = Prepare(turn, caller);
  if (!prepared) {
    const json::value body = turn.surface.ErrorBody(prepared.error());
    co_await turn.out.SendJson(AccessStatus(prepared.error()), body);
    co_return Entry::kAnswered;
  }
  const bool admitted = co_await Admit(turn, caller);
  if (!admitted) co_return Entry::kAnswered;
  SetHeaders(turn);
  const bool may_pass = co_await GuardInput(turn);
  RecordPlaceholders(turn);
  if (turn.exchange.input) turn.out.headers.Set("x-plumb-verdict", VerdictHeader(turn));
  co_return may_pass ? Entry::kMayPass : Entry::kWithheld;
}

asio::awaitable<void> Traced(Turn& turn, asio::awaitable<void> (*take)(Turn&)) {
  BeginTrace(turn);
  try {
    co_await take(turn);
  } catch (...) {  // becomes a 500 behind us
    EndTrace(turn);
    throw;
  }
  EndTrace(turn);
}

asio::awaitable<void> Serve(Service& service, const Surface& surface, net::Request& request, net::ResponseWriter& out) {
  Turn turn(service, surface, request, out);
  co_await Traced(turn, Take);
}

asio::awaitable<Result<ledger::Receipt>> Close(Turn& turn) {
  turn.exchange.total_ms = turn.Elapsed();
  SettleTurn(turn);
  Result<ledger::Receipt> receipt = co_await Record(turn.service, *turn.force, turn.exchange);
  co_return receipt;
}

asio::awaitable<void> AnswerError(Turn& turn, Error error) {
  const bool left = error.code == Code::kCancelled && turn.out.PeerGone();
  turn.exchange.status = left ? "disconnected" : "error";
  turn.exchange.error = error.Text();
  turn.trace.error = CodeName(error.code);
  turn.exchange.finish_reason = "error";
  auto receipt = co_await Close(turn);
  int status = HttpStatus(error.code);
  // The provider's refusal of our own key is not the caller's fault.
  if (error.code == Code::kPermission) status = 502;
  const json::value body = turn.surface.ErrorBody(error);
  co_await turn.out.SendJson(status, body);
}

asio::awaitable<void> AnswerUnrecorded(Turn& turn) {
  const Error error{Code::kUnavailable, "the exchange could not be recorded, and is therefore not answered", ""};
  const json::value body = turn.surface.ErrorBody(error);
  co_await turn.out.SendJson(503, body);
}

std::string VerdictHeader(const Turn& turn) {
  std::vector<std::string> parts;
  if (turn.exchange.input) parts.push_back(fmt::format("input={}", policy::ActionName(turn.exchange.input->action)));
  if (turn.exchange.output) parts.push_back(fmt::format("output={}", policy::ActionName(turn.exchange.output->action)));
  if (turn.exchange.mode == "observe") parts.emplace_back("mode=observe");
  if (const std::vector<std::string> silent = SilentDetectors(turn.exchange); !silent.empty()) parts.push_back("silent=" + Join(silent, ","));
  return Join(parts, "; ");
}

}  // namespace plumb::gateway
