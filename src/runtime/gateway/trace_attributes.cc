#include "runtime/gateway/trace_attributes.h"

#include "runtime/gateway/turn.h"

namespace plumb::gateway {
namespace {

using guard::Action;
using guard::Direction;
using net::Attributes;
using net::Instrument;

// OpenTelemetry's bucket boundaries for GenAI.
const std::vector<double> kGenAiSeconds = {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
const std::vector<double> kGenAiTokens = {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};

// What the conventions call a provider we know under another name.
std::string ProviderName(const std::string& name) {
  static const std::map<std::string, std::string> known = {
      {"azure", "azure.ai.openai"}, {"mistral", "mistral_ai"}, {"gemini", "gcp.gemini"}, {"xai", "x_ai"}, {"bedrock", "aws.bedrock"}};
  const auto found = known.find(name);
  return found == known.end() ? name : found->second;
}

void Common(const Turn& turn, Attributes& out) {
  out.emplace_back("gen_ai.operation.name", std::string(OperationName(turn.exchange.api)));
  out.emplace_back("gen_ai.provider.name", ProviderName(turn.exchange.provider));
  out.emplace_back("gen_ai.request.model", turn.answerer.model);
}

// The dimensions of metrics: everything in them is bounded by the configuration.
Attributes Dimensions(const Turn& turn) {
  Attributes out = {{"gen_ai.operation.name", std::string(OperationName(turn.exchange.api))},
                    {"gen_ai.provider.name", ProviderName(turn.exchange.provider)},
                    {"gen_ai.request.model", turn.exchange.route}};
  if (!turn.trace.error.empty()) out.emplace_back("error.type", turn.trace.error);
  return out;
}

// OpenAI's messages as the conventions write them: {"role","parts":[{"type":"text","content"}]}.
std::string MessagesJson(const json::array& messages) {
  json::array out;
  for (const json::value& value : messages) {
    const json::object* message = value.if_object();
    if (!message) continue;
    const json::string* role = FindString(*message, "role");
    json::array parts;
    if (const json::value* content = message->if_contains("content"); content && !content->is_null()) {
      parts.push_back(json::object{{"type", "text"}, {"content", provider::ContentText(*content)}});
    }
    out.push_back(json::object{{"role", role ? std::string(*role) : ""}, {"parts", std::move(parts)}});
  }
  return ToJson(out);
}

std::string OutputJson(const Exchange& exchange) {
  json::array parts = {json::object{{"type", "text"}, {"content", exchange.response}}};
  return ToJson(json::array{json::object{{"role", "assistant"}, {"parts", std::move(parts)}, {"finish_reason", exchange.finish_reason}}});
}

std::string_view VerdictType(Action action) {
  switch (action) {
    case Action::kAllow: return "allow";
    case Action::kFlag: return "warn";
    case Action::kRedact: case Action::kRewrite: return "modify";
    case Action::kHold: return "escalate";
    default: return "deny";
  }
}

// What was done about it, which observing is nothing.
std::string_view ActionType(const Turn& turn, Action action) {
  if (!turn.enforce || action <= Action::kFlag) return "allow";
  if (action == Action::kRedact || action == Action::kRewrite) return "modify";
  return action == Action::kHold ? "escalate" : "block";
}

// The proposal has changed its names once; which are told is the operator's choice.
struct GuardrailNames {
  std::string component, verdict, action, target, security;
};
const GuardrailNames& NamesOf(Guardrails schema) {
  static const GuardrailNames security = {"gen_ai.security.guardrail.name", "gen_ai.security.verdict.type", "gen_ai.security.action.type",
                                          "gen_ai.security.target.type", "gen_ai.security"};
  static const GuardrailNames guardrail = {"gen_ai.guardrail.component.name", "gen_ai.guardrail.verdict.type", "gen_ai.guardrail.action.type",
                                           "gen_ai.guardrail.target.type", "gen_ai.guardrail.security"};
  return schema == Guardrails::kSecurity ? security : guardrail;
}

double ScoreOf(const guard::Verdict& verdict) {
  const auto found = verdict.categories.find(verdict.clause);
  return found == verdict.categories.end() ? verdict.unsafe : found->second.score;
}

}  // namespace

std::string_view OperationName(std::string_view api) {
  if (api == "completions") return "text_completion";
  if (api == "embeddings") return "embeddings";
  return "chat";
}

Attributes ServerAttributes(const Turn& turn) {
  const Exchange& exchange = turn.exchange;
  const policy::Policy& policy = turn.force->policy;
  Attributes out = {{"http.request.method", std::string("POST")},
                    {"http.route", turn.asked.path},
                    {"url.path", turn.asked.path},
                    {"http.response.status_code", int64_t{turn.out.status()}},
                    {"plumb.exchange.id", exchange.id},
                    {"plumb.policy.id", policy.id},
                    {"plumb.policy.version", policy.version},
                    {"plumb.action", std::string(policy::ActionName(exchange.action))}};
  if (!exchange.clause.empty()) out.emplace_back("plumb.clause", exchange.clause);
  if (!exchange.mode.empty()) out.emplace_back("plumb.mode", exchange.mode);
  if (!exchange.key.empty()) out.emplace_back("plumb.key.name", exchange.key);
  if (turn.out.status() >= 500) out.emplace_back("error.type", std::to_string(turn.out.status()));
  return out;
}

Attributes ClientAttributes(const Turn& turn) {
  const Exchange& exchange = turn.exchange;
  const provider::ChatRequest& request = turn.call.request;
  Attributes out;
  Common(turn, out);
  out.emplace_back("plumb.target", exchange.target);
  if (request.max_tokens) out.emplace_back("gen_ai.request.max_tokens", *request.max_tokens);
  if (request.temperature) out.emplace_back("gen_ai.request.temperature", *request.temperature);
  if (request.top_p) out.emplace_back("gen_ai.request.top_p", *request.top_p);
  if (request.seed) out.emplace_back("gen_ai.request.seed", *request.seed);
  if (!request.stop.empty()) out.emplace_back("gen_ai.request.stop_sequences", request.stop);
  if (turn.call.choices > 1) out.emplace_back("gen_ai.request.choice.count", int64_t{turn.call.choices});
  if (exchange.stream) out.emplace_back("gen_ai.request.stream", true);
  if (!turn.trace.error.empty()) {
    out.emplace_back("error.type", turn.trace.error);
  } else {
    out.emplace_back("gen_ai.response.id", exchange.id);
    if (!exchange.finish_reason.empty()) out.emplace_back("gen_ai.response.finish_reasons", std::vector<std::string>{exchange.finish_reason});
  }
  if (!turn.trace.response_model.empty()) out.emplace_back("gen_ai.response.model", turn.trace.response_model);
  if (exchange.provider_first_ms > 0) out.emplace_back("gen_ai.response.time_to_first_chunk", exchange.provider_first_ms / 1000);
  const provider::Usage& usage = exchange.usage;
  const std::pair<const char*, int64_t> counts[] = {{"gen_ai.usage.input_tokens", usage.input_tokens},
                                                    {"gen_ai.usage.output_tokens", usage.output_tokens},
                                                    {"gen_ai.usage.cache_read.input_tokens", usage.cached_input_tokens},
                                                    {"gen_ai.usage.cache_creation.input_tokens", usage.cache_creation_input_tokens},
                                                    {"gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens}};
  for (const auto& [name, n] : counts) {
    if (n > 0) out.emplace_back(name, n);
  }
  return out;
}

Attributes GuardrailAttributes(const Turn& turn, Direction direction, const guard::Verdict& verdict) {
  const GuardrailNames& names = NamesOf(turn.service.options.telemetry.guardrails);
  Attributes out = {{"gen_ai.operation.name", std::string("run_guardrail")},
                    {names.component, std::string("plumb")},
                    {names.target, std::string(guard::DirectionName(direction))},
                    {names.verdict, std::string(VerdictType(verdict.action))},
                    {names.action, std::string(ActionType(turn, verdict.action))},
                    {names.security + ".policy.id", turn.force->policy.id},
                    {names.security + ".risk.score", ScoreOf(verdict)}};
  if (turn.service.options.telemetry.guardrails == Guardrails::kSecurity) {
    out.emplace_back("gen_ai.security.guardrail.id", turn.force->guard_id);
    out.emplace_back("gen_ai.security.policy.version", turn.force->policy.version);
  }
  if (!verdict.clause.empty()) out.emplace_back(names.security + ".policy.rule.id", verdict.clause);
  if (ActionType(turn, verdict.action) == "modify") out.emplace_back(names.security + ".content.modified", true);
  if (verdict.failed) out.emplace_back("error.type", std::string("detector_not_run"));
  return out;
}

net::Event EvaluationEvent(const Turn& turn, Direction direction, const guard::Verdict& verdict) {
  net::Event event;
  event.name = "gen_ai.evaluation.result";
  event.context = turn.trace.server;
  event.time = turn.service.options.clock();
  event.warning = verdict.failed;
  event.attributes = {{"gen_ai.evaluation.name", fmt::format("plumb.guard.{}", guard::DirectionName(direction))},
                      {"gen_ai.evaluation.score.value", verdict.unsafe},
                      {"gen_ai.evaluation.score.label", std::string(policy::ActionName(verdict.action))},
                      {"gen_ai.response.id", turn.exchange.id}};
  if (verdict.failed) event.attributes.emplace_back("error.type", std::string("detector_not_run"));
  return event;
}

net::Event FindingEvent(const Turn& turn, Direction direction, const guard::Verdict& verdict, const net::SpanContext& span) {
  net::Event event;
  event.name = NamesOf(turn.service.options.telemetry.guardrails).security + ".finding";
  event.context = span;
  event.time = turn.service.options.clock();
  event.warning = true;
  event.attributes = GuardrailAttributes(turn, direction, verdict);
  return event;
}

net::Event DetailsEvent(const Turn& turn) {
  net::Event event;
  event.name = "gen_ai.client.inference.operation.details";
  event.context = turn.trace.client;
  event.time = turn.service.options.clock();
  event.attributes = ClientAttributes(turn);
  event.attributes.emplace_back("gen_ai.input.messages", MessagesJson(turn.exchange.messages));
  event.attributes.emplace_back("gen_ai.output.messages", OutputJson(turn.exchange));
  return event;
}

void RecordMetrics(const Turn& turn, net::Meter& meter) {
  static const Instrument duration = {"gen_ai.client.operation.duration", "s", "GenAI operation duration.", kGenAiSeconds};
  static const Instrument first = {"gen_ai.client.operation.time_to_first_chunk", "s", "Time to receive the first chunk.", kGenAiSeconds};
  static const Instrument chunk = {"gen_ai.client.operation.time_per_output_chunk", "s", "Time per output chunk after the first.", kGenAiSeconds};
  static const Instrument usage = {"gen_ai.client.token.usage", "{token}", "Number of input and output tokens used.", kGenAiTokens};
  const Exchange& exchange = turn.exchange;
  const Attributes dimensions = Dimensions(turn);
  meter.Record(duration, dimensions, exchange.provider_ms / 1000);
  if (exchange.provider_first_ms > 0) meter.Record(first, dimensions, exchange.provider_first_ms / 1000);
  // The mean over this stream's chunks: one observation an exchange, so that a chunk costs nothing here.
  if (exchange.chunks.total > 0) meter.Record(chunk, dimensions, exchange.chunks.sum / static_cast<double>(exchange.chunks.total));
  for (const auto& [type, n] : {std::pair{"input", exchange.usage.input_tokens}, std::pair{"output", exchange.usage.output_tokens}}) {
    if (n <= 0) continue;
    Attributes with = dimensions;
    with.emplace_back("gen_ai.token.type", std::string(type));
    meter.Record(usage, std::move(with), static_cast<double>(n));
  }
}

}  // namespace plumb::gateway
