#include "runtime/gateway/trace.h"

#include <cmath>

#include "base/net/otlp.h"
#include "runtime/gateway/log.h"
#include "runtime/gateway/trace_attributes.h"
#include "runtime/gateway/turn.h"

namespace plumb::gateway {
namespace {

using net::Attributes;
using std::chrono::duration;
using std::chrono::duration_cast;

Time After(Time began, double ms) { return began + duration_cast<Time::duration>(duration<double, std::milli>(ms)); }

net::Span ServerSpan(const Turn& turn) {
  net::Span span;
  span.context = turn.trace.server;
  span.parent = turn.trace.caller.span_id;
  span.kind = net::SpanKind::kServer;
  span.name = "POST " + turn.asked.path;
  span.start = turn.trace.began;
  span.end = After(turn.trace.began, turn.Elapsed());
  span.attributes = ServerAttributes(turn);
  if (turn.out.status() >= 500) span.error = fmt::format("HTTP {}", turn.out.status());
  return span;
}

net::Span ClientSpan(const Turn& turn) {
  net::Span span;
  span.context = turn.trace.client;
  span.parent = turn.trace.server.span_id;
  span.kind = net::SpanKind::kClient;
  span.name = std::string(OperationName(turn.exchange.api)) + " " + turn.answerer.model;
  span.start = After(turn.trace.began, turn.trace.asked_ms);
  span.end = After(span.start, turn.exchange.provider_ms);
  span.attributes = ClientAttributes(turn);
  span.error = turn.trace.error;
  return span;
}

void AddGuardrails(const Turn& turn, net::OtlpExporter& otlp) {
  const TelemetryOptions& options = turn.service.options.telemetry;
  const auto tell = [&](guard::Direction direction, const std::optional<guard::Verdict>& verdict, double began_ms, double ms) {
    if (!verdict) return;
    otlp.Add(EvaluationEvent(turn, direction, *verdict));
    if (options.guardrails == Guardrails::kOff) return;
    net::Span span;
    span.context = net::ChildOf(turn.trace.server, 1);
    span.parent = turn.trace.server.span_id;
    span.name = fmt::format("run_guardrail plumb.{}", guard::DirectionName(direction));
    span.start = After(turn.trace.began, began_ms);
    span.end = After(span.start, ms);
    span.attributes = GuardrailAttributes(turn, direction, *verdict);
    if (verdict->failed) span.error = "a required detector did not run";
    if (verdict->action > guard::Action::kAllow) otlp.Add(FindingEvent(turn, direction, *verdict, span.context));
    otlp.Add(std::move(span));
  };
  tell(guard::Direction::kInput, turn.exchange.input, 0, turn.exchange.guard_input_ms);
  tell(guard::Direction::kOutput, turn.exchange.output, std::max(0.0, turn.Elapsed() - turn.exchange.guard_output_ms), turn.exchange.guard_output_ms);
}

void TellSpan(const Turn& turn, net::OtlpExporter& otlp) {
  otlp.Add(ServerSpan(turn));
  if (turn.exchange.provider_ms > 0) {
    otlp.Add(ClientSpan(turn));
    if (turn.service.options.telemetry.content) otlp.Add(DetailsEvent(turn));
    RecordMetrics(turn, otlp.meter());
  }
  if (!turn.exchange.api.empty()) AddGuardrails(turn, otlp);
}

bool Failed(const Turn& turn) { return turn.out.status() >= 500 || turn.exchange.status == "error" || !turn.exchange.recorded; }

LogLine LineOf(const Turn& turn) {
  const Exchange& exchange = turn.exchange;
  json::object fields = {{"id", exchange.id},
                         {"api", turn.surface.name()},
                         {"http_status", turn.out.status()},
                         {"key", exchange.key},
                         {"model", exchange.route},
                         {"target", exchange.target},
                         {"stream", exchange.stream},
                         {"status", exchange.status},
                         {"action", policy::ActionName(exchange.action)},
                         {"clause", exchange.clause},
                         {"mode", exchange.mode},
                         {"input_tokens", exchange.usage.input_tokens},
                         {"output_tokens", exchange.usage.output_tokens},
                         {"ms", std::round(turn.Elapsed() * 100) / 100},
                         {"provider_ms", std::round(exchange.provider_ms * 100) / 100},
                         {"policy", fmt::format("{}@{}", turn.force->policy.id, turn.force->policy.version)}};
  if (exchange.cost) fields["cost_usd"] = static_cast<double>(*exchange.cost) / provider::kPicodollarsPerDollar;
  if (exchange.cached) fields["cached"] = true;
  if (exchange.attempts && exchange.attempts->size() > 1) fields["attempts"] = exchange.attempts->size();
  if (!exchange.recorded) fields["recorded"] = false;
  if (!turn.trace.error.empty()) fields["error"] = turn.trace.error;
  if (!turn.trace.server.trace_id.empty()) fields["trace_id"] = turn.trace.server.trace_id;
  return {Failed(turn) ? LogLevel::kWarn : LogLevel::kInfo, "exchange", std::move(fields)};
}

}  // namespace

void BeginTrace(Turn& turn) {
  turn.service.metrics.Begin();
  Trace& trace = turn.trace;
  trace.began = turn.service.options.clock();
  if (auto caller = net::ParseTraceparent(turn.asked.headers.Get("traceparent"))) {
    trace.caller = std::move(*caller);
    const std::string_view state = turn.asked.headers.Get("tracestate");
    if (state.size() <= 512) trace.caller.state = state;
  }
  if (turn.service.otlp) trace.server = net::ChildOf(trace.caller, turn.service.options.telemetry.sample);
}

void BeginAsk(Turn& turn) {
  Trace& trace = turn.trace;
  trace.asked = std::chrono::steady_clock::now();
  trace.asked_ms = turn.Elapsed();
  // Where nobody listens here the caller's trace still goes on behind us.
  if (turn.service.otlp) trace.client = net::ChildOf(trace.server, 1);
  const net::SpanContext& sent = turn.service.otlp ? trace.client : trace.caller;
  if (sent.trace_id.empty()) return;
  auto& headers = turn.call.request.headers;
  std::erase_if(headers, [](const auto& field) { return field.first == "traceparent" || field.first == "tracestate"; });
  headers.emplace_back("traceparent", net::WriteTraceparent(sent));
  if (!sent.state.empty()) headers.emplace_back("tracestate", sent.state);
}

void Heard(Turn& turn) {
  const auto now = std::chrono::steady_clock::now();
  const auto seconds = [&](auto since) { return duration<double>(now - since).count(); };
  if (turn.exchange.provider_first_ms == 0) turn.exchange.provider_first_ms = std::max(1e-6, 1000 * seconds(turn.trace.asked));
  else turn.exchange.chunks.Add(seconds(turn.trace.heard));
  turn.trace.heard = now;
}

void EndAsk(Turn& turn, const std::string& response_model) {
  turn.exchange.provider_ms = std::max(1e-6, MillisSince(turn.trace.asked));
  turn.trace.response_model = response_model;
}

void EndTrace(Turn& turn) {
  turn.service.metrics.End();
  if (turn.service.otlp) TellSpan(turn, *turn.service.otlp);
  const FixedOptions& options = turn.service.options;
  const LogLevel level = Failed(turn) ? LogLevel::kWarn : LogLevel::kInfo;
  if (options.log && level <= options.log_level) options.log(LineOf(turn));
}

}  // namespace plumb::gateway
