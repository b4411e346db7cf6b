// /v1/chat/completions: one request from authorisation to the recorded answer.
#include "runtime/gateway/chat.h"

namespace plumb::gateway {
namespace {

using guard::Action;
using guard::Direction;

const policy::Category* Blamed(const Service& service, const guard::Verdict& verdict) {
  return service.options.policy.FindCategory(verdict.clause);
}

void TakeAction(Exchange& exchange, const guard::Verdict& verdict) {
  if (verdict.action <= exchange.action) return;
  exchange.action = verdict.action;
  exchange.clause = verdict.clause;
}

asio::awaitable<guard::Verdict> CheckText(ChatTurn& turn, Direction direction, std::string text, std::string prompt) {
  const guard::Guard* guard = turn.guard;
  guard::Subject subject{std::move(text), std::move(prompt)};
  auto work = [guard, direction, subject = std::move(subject)]() { return guard->Check(direction, subject); };
  const auto start = Steady::now();
  guard::Verdict verdict = co_await On(turn.service.guard_threads, std::move(work));
  const double ms = MillisSince(start);
  turn.service.metrics.ObserveGuard(std::string(guard::DirectionName(direction)), ms / 1000);
  (direction == Direction::kInput || direction == Direction::kToolResult ? turn.exchange.guard_input_ms
                                                                         : turn.exchange.guard_output_ms) += ms;
  co_return verdict;
}

void SetText(json::value& message, std::string text) { message.as_object()["content"] = std::move(text); }

std::string TextOf(const json::value& message) {
  const json::value* content = message.get_object().if_contains("content");
  return content ? provider::ContentText(*content) : "";
}

bool HasRole(const json::value& message, std::string_view role) {
  const json::string* found = FindString(message.get_object(), "role");
  return found && std::string_view(*found) == role;
}

// What tools gave back since the assistant last spoke: each is judged, and replaced where the policy says so.
asio::awaitable<void> GuardToolResults(ChatTurn& turn) {
  json::array& messages = turn.request.messages;
  for (size_t i = NewMessages(messages); i < messages.size(); ++i) {
    if (!HasRole(messages[i], "tool") && !HasRole(messages[i], "function")) continue;
    const std::string text = TextOf(messages[i]);
    const guard::Verdict verdict = co_await CheckText(turn, Direction::kToolResult, text, "");
    TakeAction(turn.exchange, verdict);
    if (!turn.enforce || verdict.action < Action::kRedact) continue;
    if (verdict.action == Action::kRedact) {
      SetText(messages[i], guard::Redact(text, verdict));
    } else {
      SetText(messages[i], fmt::format("[withheld by policy: {}]", verdict.clause));
    }
  }
}

// Redaction goes message by message, since evidence counts bytes of the text it was found in.
asio::awaitable<void> RedactInput(ChatTurn& turn) {
  json::array& messages = turn.request.messages;
  for (size_t i = NewMessages(messages); i < messages.size(); ++i) {
    if (!HasRole(messages[i], "user")) continue;
    const std::string text = TextOf(messages[i]);
    const guard::Verdict verdict = co_await CheckText(turn, Direction::kInput, text, "");
    if (verdict.action == Action::kRedact) SetText(messages[i], guard::Redact(text, verdict));
  }
}

// Whether the request may go on to the model.
asio::awaitable<bool> GuardInput(ChatTurn& turn) {
  co_await GuardToolResults(turn);
  const std::string text = UserText(turn.request.messages);
  if (text.empty()) co_return true;  // a turn of tool results alone
  guard::Verdict verdict = co_await CheckText(turn, Direction::kInput, text, "");
  TakeAction(turn.exchange, verdict);
  const Action action = verdict.action;
  turn.exchange.input = std::move(verdict);
  if (!turn.enforce || action <= Action::kFlag) co_return true;
  if (action == Action::kRedact) {
    co_await RedactInput(turn);
    co_return true;
  }
  co_return false;
}

}  // namespace

double ChatTurn::Elapsed() const { return MillisSince(start); }

std::string SayFor(const ChatTurn& turn, const guard::Verdict& verdict) {
  if (const policy::Category* category = Blamed(turn.service, verdict)) {
    return std::string(policy::Say(*category, turn.exchange.id));
  }
  const policy::Scope& scope = turn.service.options.policy.scope;
  if (verdict.clause == "scope" && !scope.say.empty()) return scope.say.front();
  if (verdict.failed) return "This cannot be answered at the moment: a safety check did not run. Please try again.";
  return "I can't help with that.";
}

Withheld Withhold(const ChatTurn& turn, const guard::Verdict& verdict) {
  Withheld out;
  const bool filtered = verdict.action == Action::kBlock || verdict.action == Action::kQuarantine || verdict.action == Action::kHold;
  out.finish_reason = filtered ? "content_filter" : "stop";
  out.text = filtered ? "" : SayFor(turn, verdict);
  out.refusal = filtered ? SayFor(turn, verdict) : "";
  return out;
}

json::object Completion(const ChatTurn& turn, const std::string& text, const std::string& refusal,
                        const json::array& tool_calls) {
  json::object message = {{"role", "assistant"}};
  message["content"] = text.empty() && (!refusal.empty() || !tool_calls.empty()) ? json::value() : json::value(text);
  message["refusal"] = refusal.empty() ? json::value() : json::value(refusal);
  if (!tool_calls.empty()) message["tool_calls"] = tool_calls;
  const provider::Usage& usage = turn.exchange.usage;
  json::object out;
  out["id"] = "chatcmpl-" + turn.exchange.id;
  out["object"] = "chat.completion";
  out["created"] = turn.created;
  out["model"] = turn.exchange.model;
  out["choices"] = json::array{json::object{{"index", 0},
                                            {"message", std::move(message)},
                                            {"logprobs", nullptr},
                                            {"finish_reason", turn.exchange.finish_reason}}};
  out["usage"] = {{"prompt_tokens", usage.input_tokens},
                  {"completion_tokens", usage.output_tokens},
                  {"total_tokens", usage.input_tokens + usage.output_tokens}};
  return out;
}

asio::awaitable<Result<ledger::Receipt>> Close(ChatTurn& turn) {
  turn.exchange.total_ms = turn.Elapsed();
  Result<ledger::Receipt> receipt = co_await Record(turn.service, turn.exchange);
  co_return receipt;
}

asio::awaitable<void> AnswerError(ChatTurn& turn, Error error) {
  turn.exchange.status = "error";
  turn.exchange.error = error.Text();
  turn.exchange.finish_reason = "error";
  auto receipt = co_await Close(turn);
  int status = HttpStatus(error.code);
  // The provider's refusal of our own key is not the caller's fault.
  if (error.code == Code::kPermission) status = 502;
  const json::value body = OpenAiError(error);
  co_await turn.out.SendJson(status, body);
}

asio::awaitable<void> AnswerUnrecorded(ChatTurn& turn) {
  const json::value body = OpenAiError({Code::kUnavailable, "the exchange could not be recorded, and is therefore not answered", ""});
  co_await turn.out.SendJson(503, body);
}

namespace {

std::string VerdictHeader(const ChatTurn& turn) {
  std::string header;
  if (turn.exchange.input) header = fmt::format("input={}", policy::ActionName(turn.exchange.input->action));
  if (turn.exchange.output) {
    header += fmt::format("{}output={}", header.empty() ? "" : "; ", policy::ActionName(turn.exchange.output->action));
  }
  if (turn.exchange.mode == "observe") header += header.empty() ? "mode=observe" : "; mode=observe";
  return header;
}

asio::awaitable<void> SendWhole(ChatTurn& turn, std::string text, std::string refusal, json::array tool_calls) {
  turn.exchange.response = text.empty() ? refusal : text;
  if (!tool_calls.empty()) turn.exchange.response += ToJson(tool_calls);
  turn.exchange.first_text_ms = turn.Elapsed();
  auto receipt = co_await Close(turn);
  if (!receipt) {
    co_await AnswerUnrecorded(turn);
    co_return;
  }
  turn.out.headers.Set("x-plumb-verdict", VerdictHeader(turn));
  turn.out.headers.Set("x-plumb-receipt", fmt::format("{}:{}", receipt->index, receipt->leaf_hash));
  const json::value body = Completion(turn, text, refusal, tool_calls);
  co_await turn.out.SendJson(200, body);
}

// Tool calls are judged by what they would do: name and arguments. True where one is not let through.
asio::awaitable<bool> GuardToolCalls(ChatTurn& turn, const json::array& calls) {
  for (const json::value& call : calls) {
    const json::object* object = call.if_object();
    const json::object* function = object ? FindObject(*object, "function") : nullptr;
    const std::string text = ToJson(function ? json::value(*function) : call);
    guard::Verdict verdict = co_await CheckText(turn, Direction::kToolCall, text, "");
    TakeAction(turn.exchange, verdict);
    if (verdict.action >= Action::kRedact && turn.enforce) {
      turn.exchange.output = std::move(verdict);
      co_return true;
    }
  }
  co_return false;
}

asio::awaitable<void> AnswerWhole(ChatTurn& turn) {
  Result<provider::ChatResponse> answer = co_await turn.answerer.provider->Chat(turn.request);
  if (!answer) {
    co_await AnswerError(turn, std::move(answer).error());
    co_return;
  }
  turn.exchange.usage = answer->usage;
  turn.exchange.finish_reason = answer->finish_reason;
  const std::string prompt = UserText(turn.request.messages);
  guard::Verdict verdict = co_await CheckText(turn, Direction::kOutput, answer->text, prompt);
  TakeAction(turn.exchange, verdict);
  const Action action = verdict.action;
  turn.exchange.output = verdict;
  const bool stopped = co_await GuardToolCalls(turn, answer->tool_calls);
  if (turn.enforce && (stopped || action > Action::kRedact)) {
    const guard::Verdict blamed = *turn.exchange.output;
    const Withheld instead = Withhold(turn, blamed);
    turn.exchange.withheld = answer->text;
    turn.exchange.finish_reason = instead.finish_reason;
    co_await SendWhole(turn, instead.text, instead.refusal, json::array());
    co_return;
  }
  std::string text = answer->text;
  if (turn.enforce && action == Action::kRedact) {
    turn.exchange.withheld = text;
    text = guard::Redact(text, verdict);
  }
  co_await SendWhole(turn, text, "", answer->tool_calls);
}

// Everything about the request that does not need the model. Error: what the caller did wrong.
Result<json::object> ParseBody(const net::Request& request) {
  auto parsed = ParseJson(request.body, "request body");
  if (!parsed) return Fail(Code::kInvalid, "{}", parsed.error().Text());  // with line and column
  json::value& body = *parsed;
  if (!body.is_object()) return Fail(Code::kInvalid, "the request body must be a JSON object");
  return std::move(body.as_object());
}

std::map<std::string, std::string> Attributes(const net::Request& request, const std::string& model, const Caller& caller) {
  std::map<std::string, std::string> attributes = {{"model", model}, {"key", caller.name}};
  for (const char* name : {"channel", "region", "locale", "domain"}) {
    if (const auto value = request.headers.Get(fmt::format("x-plumb-{}", name)); !value.empty()) attributes[name] = value;
  }
  return attributes;
}

Status Prepare(ChatTurn& turn, const net::Request& request, ChatCall& call) {
  PLUMB_TRY(const Caller caller, Authorise(turn.service, request));
  PLUMB_TRY(const json::object body, ParseBody(request));
  PLUMB_TRY(call, ParseChat(body));
  PLUMB_TRY(turn.answerer, FindAnswerer(turn.service, call.request.model));
  const std::string model = call.request.model.empty() ? turn.answerer.route->name : call.request.model;
  turn.route = &RouteFor(turn.service.options.policy, Attributes(request, model, caller));
  turn.enforce = turn.route->mode != "observe";
  turn.guard = &GuardFor(turn.service, *turn.route);
  turn.include_usage = call.include_usage;
  Exchange& exchange = turn.exchange;
  exchange.model = model;
  exchange.target = turn.answerer.target;
  exchange.provider = turn.answerer.provider->name();
  exchange.key = caller.name;
  exchange.subject = call.subject;
  exchange.stream = call.stream;
  exchange.mode = turn.route->mode;
  exchange.log = turn.route->log;
  exchange.messages = call.request.messages;
  turn.request = std::move(call.request);
  turn.request.model = turn.answerer.model;
  return {};
}

}  // namespace

asio::awaitable<void> ChatCompletions(Service& service, net::Request& request, net::ResponseWriter& out) {
  ChatTurn turn{service, out};
  const Time now = service.options.clock();
  turn.exchange.id = NewId("exc", now);
  turn.created = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  ChatCall call;
  Status prepared = Prepare(turn, request, call);
  if (!prepared) {
    const json::value body = OpenAiError(prepared.error());
    co_await out.SendJson(HttpStatus(prepared.error().code), body);
    co_return;
  }
  out.headers.Set("x-plumb-exchange", turn.exchange.id);
  out.headers.Set("x-plumb-policy", fmt::format("{}@{}; sha256={}", service.options.policy.id, service.options.policy.version,
                                                service.options.policy.hash));
  const bool may_pass = co_await GuardInput(turn);
  if (!may_pass) {
    const Withheld instead = Withhold(turn, *turn.exchange.input);
    turn.exchange.finish_reason = instead.finish_reason;
    if (call.stream) {
      co_await StreamInstead(turn, instead);
    } else {
      co_await SendWhole(turn, instead.text, instead.refusal, json::array());
    }
    co_return;
  }
  if (turn.answerer.route->policy_prompt) {
    turn.request.messages = provider::WithSystem(turn.request.messages, service.system_prompt);
  }
  if (turn.exchange.input) out.headers.Set("x-plumb-verdict", VerdictHeader(turn));
  if (call.stream) {
    co_await AnswerStream(turn);
  } else {
    co_await AnswerWhole(turn);
  }
}

}  // namespace plumb::gateway
