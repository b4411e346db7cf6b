#include "runtime/gateway/turn.h"

#include "runtime/gateway/access.h"
#include "runtime/gateway/hold_turn.h"
#include "runtime/gateway/split.h"
#include "runtime/gateway/turn_doubt.h"
#include "runtime/gateway/turn_guard.h"
#include "runtime/gateway/turn_messages.h"
#include "runtime/gateway/turn_rules.h"
#include "runtime/gateway/turn_places.h"

namespace plumb::gateway {
namespace {

Result<json::object> ParseBody(const net::Request& request) {
  auto parsed = ParseJson(request.body, "request body");
  if (!parsed) return Fail(Code::kInvalid, "{}", parsed.error().Text());  // with line and column
  if (!parsed->is_object()) return Fail(Code::kInvalid, "the request body must be a JSON object");
  return std::move(parsed->as_object());
}

// Where the request says it comes from.
std::map<std::string, std::string> Origin(const net::Request& request) {
  constexpr std::string_view kPrefix = "x-plumb-";
  std::map<std::string, std::string> origin;
  for (const std::string_view header : {"x-plumb-channel", "x-plumb-region", "x-plumb-locale", "x-plumb-domain"}) {
    if (const auto value = request.headers.Get(header); !value.empty()) origin.emplace(header.substr(kPrefix.size()), value);
  }
  return origin;
}

// What the policy's routes can match.
std::map<std::string, std::string> RouteAttributes(const net::Request& request, const std::string& model, const Caller& caller) {
  std::map<std::string, std::string> attributes = {{"model", model}, {"key", caller.name}};
  attributes.merge(Origin(request));
  return attributes;
}

// Where the request says it comes from: what overlays ask.
policy::LoadOptions WhereOf(const net::Request& request) {
  const auto header = [&](const char* name) { return std::string(request.headers.Get(name)); };
  return {.region = header("x-plumb-region"), .locale = header("x-plumb-locale"), .domain = header("x-plumb-domain"), .channel = header("x-plumb-channel")};
}

// The arm of the route's split that the request is dealt, and what it changes. Error: its model is not here.
Status Deal(Turn& turn, const Caller& caller) {
  turn.arm = ChooseArm(turn.route->split, {turn.call.subject, caller.name, turn.exchange.id});
  if (!turn.arm) return {};
  const std::string name = turn.route->split.name.empty() ? turn.arm->name : turn.route->split.name + "/" + turn.arm->name;
  turn.exchange.arm = name;
  turn.out.headers.Set("x-plumb-arm", name);
  if (!turn.arm->model.empty()) {
    PLUMB_TRY(turn.answerer, FindAnswerer(*turn.force, turn.arm->model));
  }
  if (const Stance* stance = turn.arm->policy.empty() ? nullptr : turn.force->stances.Arm(turn.arm->policy, turn.where)) turn.stance = stance;
  return {};
}

}  // namespace

Status FindRoute(Turn& turn, const Caller& caller) {
  turn.where = WhereOf(turn.asked);
  if (const Stance* overlaid = turn.force->stances.Overlaid(turn.force->policy, turn.where)) turn.stance = overlaid;
  provider::ChatRequest& request = turn.call.request;
  PLUMB_TRY(turn.answerer, FindAnswerer(*turn.force, request.model));
  turn.head.model = request.model.empty() ? turn.answerer.route->name : request.model;
  turn.route = &RouteFor(turn.stance->policy, RouteAttributes(turn.asked, turn.head.model, caller));
  return {};
}

namespace {

// Who answers, and under which policy and route.
Status Route(Turn& turn, const Caller& caller) {
  PLUMB_CHECK(FindRoute(turn, caller));
  PLUMB_CHECK(MayPass(turn));
  PLUMB_CHECK(Deal(turn, caller));
  turn.enforce = turn.route->mode != "observe";
  turn.guard = &turn.stance->guard(*turn.route);
  turn.call.request.model = turn.answerer.model;
  return {};
}

}  // namespace

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
  for (const auto& [name, value] : Origin(turn.asked)) exchange.attributes[name] = ToUtf8(value.substr(0, 128));
  exchange.mode = turn.route->mode;
  exchange.log = turn.route->log;
  exchange.messages = turn.call.request.messages;
}

namespace {

// Everything about the request that needs neither guard nor model. Error: what the caller did wrong.
Status PrepareTurn(Turn& turn, Caller& caller) {
  PLUMB_TRY(caller, Authorise(turn.service, turn.asked));
  PLUMB_TRY(const json::object body, ParseBody(turn.asked));
  PLUMB_TRY(turn.call, turn.surface.Parse(body));
  PLUMB_CHECK(Route(turn, caller));
  PLUMB_CHECK(MayAsk(caller, turn.head.model));
  OpenExchange(turn, caller);
  return {};
}

}  // namespace

void SetHeaders(Turn& turn) {
  const policy::Policy& policy = turn.stance->policy;
  turn.out.headers.Set("x-plumb-exchange", turn.exchange.id);
  turn.out.headers.Set("x-request-id", turn.exchange.id);  // where OpenAI's clients look
  turn.out.headers.Set("request-id", turn.exchange.id);    // where Anthropic's do
  turn.out.headers.Set("x-plumb-policy", fmt::format("{}@{}; sha256={}", policy.id, policy.version, policy.hash));
}

namespace {

// What the policy adds to the question.
asio::awaitable<void> Instruct(Turn& turn) {
  const Prompts* prompts = &turn.stance->prompts;
  const bool own = turn.arm && !turn.arm->prompt.empty();
  if (!own && !turn.answerer.route->policy_prompt && !turn.route->prompt.given) co_return;
  if (own) turn.own_prompt = prompts->Of(turn.arm->prompt, *turn.route);
  turn.prompt = own ? &*turn.own_prompt : &prompts->For(*turn.route);
  json::array& messages = turn.call.request.messages;
  std::string text = turn.prompt->text;
  if (const int k = turn.route->prompt.clauses; k > 0) {
    auto work = [prompts, asked = UserText(messages), k]() { return prompts->Bearing(asked, static_cast<size_t>(k)); };
    Prompts::Clauses bearing = co_await On(turn.service.guard_threads, std::move(work));
    if (!bearing.text.empty()) text += "\n\n" + bearing.text;
    turn.exchange.bearing = std::move(bearing.ids);
  }
  messages = provider::WithSystem(messages, text);
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

asio::awaitable<void> TakeTurn(Turn& turn) {
  if (turn.force->passes) {
    const bool passed = co_await PassOn(turn);
    if (passed) co_return;
  }
  const Entry entry = co_await Enter(turn);
  if (entry == Entry::kAnswered) co_return;
  if (entry == Entry::kWithheld) {
    Choice instead = Withhold(turn, *turn.exchange.input);
    co_await AnswerInstead(turn, std::move(instead));
    co_return;
  }
  co_await Instruct(turn);
  // On high stakes nothing is said before it is recorded: a stream comes in one piece.
  if (turn.call.stream && !MayHold(turn) && turn.route->stakes != "high") {
    co_await AnswerStream(turn);
  } else {
    co_await AnswerWhole(turn);
  }
}

}  // namespace

Turn::Turn(Service& s, const Surface& f, const net::Request& request, net::ResponseWriter& writer)
    : service(s), surface(f), asked(request), out(writer) {
  const Time now = service.options.clock();
  out.headers.Reserve(512, 12);
  exchange.id = NewId("exc", now);
  head.exchange = exchange.id;
  head.created = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

asio::awaitable<Entry> Enter(Turn& turn) {
  Caller caller;
  Status prepared = PrepareTurn(turn, caller);
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
  if (!turn.over_limit.empty()) {
    co_await AnswerOverLimit(turn);
    co_return Entry::kAnswered;
  }
  if (may_pass) HandOnDoubtful(turn);
  co_return may_pass ? Entry::kMayPass : Entry::kWithheld;
}

asio::awaitable<void> Traced(Turn& turn, asio::awaitable<void> (*take)(Turn&)) {
  BeginTrace(turn);
  try {
    co_await take(turn);
    LaunchShadows(turn);
  } catch (...) {  // becomes a 500 behind us
    EndTrace(turn);
    throw;
  }
  EndTrace(turn);
}

asio::awaitable<void> Serve(Service& service, const Surface& surface, net::Request& request, net::ResponseWriter& out) {
  Turn turn(service, surface, request, out);
  co_await Traced(turn, TakeTurn);
}

asio::awaitable<Result<ledger::Receipt>> Close(Turn& turn) {
  turn.exchange.total_ms = turn.Elapsed();
  SettleTurn(turn);
  Result<ledger::Receipt> receipt = co_await Record(turn.service, *turn.stance, turn.exchange);
  if (receipt) co_return receipt;
  turn.exchange.recorded = false;
  const bool served = turn.route && turn.route->stakes != "high";
  turn.service.metrics.CountUnrecorded(served ? "served" : "refused");
  if (served) co_return ledger::Receipt();
  co_return receipt;
}

void SetReceipt(Turn& turn, const ledger::Receipt& receipt) {
  turn.out.headers.Set("x-plumb-receipt", Unrecorded(receipt) ? "unrecorded" : fmt::format("{}:{}", receipt.index, receipt.leaf_hash));
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

std::string ClosingComment(const Exchange& exchange, const ledger::Receipt& receipt) {
  json::object plumb;
  plumb["exchange"] = exchange.id;
  plumb["action"] = policy::ActionName(exchange.action);
  plumb["input"] = exchange.input ? json::value(policy::ActionName(exchange.input->action)) : json::value();
  plumb["output"] = exchange.output ? json::value(policy::ActionName(exchange.output->action)) : json::value();
  if (const std::vector<std::string> silent = SilentDetectors(exchange); !silent.empty()) plumb["silent"] = json::array(silent.begin(), silent.end());
  plumb["receipt"] = nullptr;
  if (!Unrecorded(receipt)) plumb["receipt"] = {{"index", receipt.index}, {"leaf_hash", receipt.leaf_hash}, {"tree_size", receipt.tree_size}};
  return ToJson(json::object{{"plumb", std::move(plumb)}});
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
