#include "runtime/gateway/turn.h"

#include "runtime/gateway/turn_guard.h"

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
  PLUMB_TRY(turn.answerer, FindAnswerer(turn.service, request.model));
  turn.head.model = request.model.empty() ? turn.answerer.route->name : request.model;
  turn.route = &RouteFor(turn.service.options.policy, Attributes(turn.asked, turn.head.model, caller));
  turn.enforce = turn.route->mode != "observe";
  turn.guard = &GuardFor(turn.service, *turn.route);
  request.model = turn.answerer.model;
  return {};
}

// What is recorded whatever becomes of it.
void OpenExchange(Turn& turn, const Caller& caller) {
  Exchange& exchange = turn.exchange;
  exchange.api = turn.surface.name();
  exchange.model = turn.head.model;
  exchange.target = turn.answerer.target;
  exchange.provider = turn.answerer.provider->name();
  exchange.key = caller.name;
  exchange.subject = turn.call.subject;
  exchange.stream = turn.call.stream;
  exchange.mode = turn.route->mode;
  exchange.log = turn.route->log;
  exchange.messages = turn.call.request.messages;
}

// Everything about the request that needs neither guard nor model. Error: what the caller did wrong.
Status Prepare(Turn& turn) {
  PLUMB_TRY(const Caller caller, Authorise(turn.service, turn.asked));
  PLUMB_TRY(const json::object body, ParseBody(turn.asked));
  PLUMB_TRY(turn.call, turn.surface.Parse(body));
  PLUMB_CHECK(Route(turn, caller));
  OpenExchange(turn, caller);
  return {};
}

void SetHeaders(Turn& turn) {
  const policy::Policy& policy = turn.service.options.policy;
  turn.out.headers.Set("x-plumb-exchange", turn.exchange.id);
  turn.out.headers.Set("x-plumb-policy", fmt::format("{}@{}; sha256={}", policy.id, policy.version, policy.hash));
}

// What the policy adds to the question.
void Instruct(Turn& turn) {
  if (!turn.answerer.route->policy_prompt) return;
  turn.call.request.messages = provider::WithSystem(turn.call.request.messages, turn.service.system_prompt);
}

asio::awaitable<void> AnswerInstead(Turn& turn, Choice instead) {
  turn.exchange.finish_reason = instead.finish_reason;
  if (turn.call.stream) {
    co_await SendStreamed(turn, std::move(instead));
    co_return;
  }
  Answer answer;
  answer.choices.push_back(std::move(instead));
  co_await SendWhole(turn, std::move(answer));
}

}  // namespace

asio::awaitable<void> Serve(Service& service, const Surface& surface, net::Request& request, net::ResponseWriter& out) {
  Turn turn{service, surface, request, out};
  const Time now = service.options.clock();
  turn.exchange.id = NewId("exc", now);
  turn.head.exchange = turn.exchange.id;
  turn.head.created = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  Status prepared = Prepare(turn);
  if (!prepared) {
    const json::value body = surface.ErrorBody(prepared.error());
    co_await out.SendJson(HttpStatus(prepared.error().code), body);
    co_return;
  }
  SetHeaders(turn);
  const bool may_pass = co_await GuardInput(turn);
  out.headers.Set("x-plumb-verdict", VerdictHeader(turn));
  if (!may_pass) {
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

asio::awaitable<Result<ledger::Receipt>> Close(Turn& turn) {
  turn.exchange.total_ms = turn.Elapsed();
  Result<ledger::Receipt> receipt = co_await Record(turn.service, turn.exchange);
  co_return receipt;
}

asio::awaitable<void> AnswerError(Turn& turn, Error error) {
  turn.exchange.status = "error";
  turn.exchange.error = error.Text();
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
  return Join(parts, "; ");
}

}  // namespace plumb::gateway
