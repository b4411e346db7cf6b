#include "cli/config_telemetry.h"

#include "base/net/address.h"

namespace plumb::cli {
namespace {

void ReadOtlp(const Node& node, Reader& reader, gateway::TelemetryOptions& out) {
  if (!reader.Map(node, "telemetry.otlp", {"endpoint", "headers_env", "ca_file", "content", "sample", "guardrail_spans", "interval_s"})) return;
  const Node* endpoint = node.Find("endpoint");
  if (!endpoint) return reader.Wrong(node, "telemetry.otlp needs an endpoint, for example http://localhost:4318");
  out.endpoint = reader.Text(*endpoint, "telemetry.otlp.endpoint");
  if (auto parsed = net::ParseUrl(out.endpoint); !parsed) reader.Wrong(*endpoint, "{}", parsed.error().message);
  if (const Node* headers = node.Find("headers_env")) {
    out.headers_env = reader.Text(*headers, "telemetry.otlp.headers_env");
    if (out.headers_env.find('=') != std::string::npos) {
      reader.Wrong(*headers, "headers_env is the name of an environment variable, never the headers themselves");
    }
  }
  if (const Node* file = node.Find("ca_file")) out.ca_file = reader.Path(*file, "telemetry.otlp.ca_file").string();
  if (const Node* content = node.Find("content")) out.content = reader.Switch(*content, "telemetry.otlp.content");
  if (const Node* sample = node.Find("sample")) out.sample = reader.Number(*sample, "telemetry.otlp.sample", 0, 1);
  if (const Node* spans = node.Find("guardrail_spans")) {
    const std::string schema = reader.OneOf(*spans, "telemetry.otlp.guardrail_spans", {"off", "gen_ai.security", "gen_ai.guardrail"});
    out.guardrails = schema == "off" ? gateway::Guardrails::kOff
                     : schema == "gen_ai.security" ? gateway::Guardrails::kSecurity : gateway::Guardrails::kGuardrail;
  }
  if (const Node* interval = node.Find("interval_s")) {
    out.interval = std::chrono::milliseconds(static_cast<int64_t>(1000 * reader.Number(*interval, "telemetry.otlp.interval_s", 0.1, 3600)));
  }
}

}  // namespace

void ReadTelemetry(const Node& node, Reader& reader, bool& metrics, gateway::TelemetryOptions& out) {
  if (!reader.Map(node, "telemetry", {"metrics", "otlp"})) return;
  if (const Node* on = node.Find("metrics")) metrics = reader.Switch(*on, "telemetry.metrics");
  if (const Node* otlp = node.Find("otlp")) ReadOtlp(*otlp, reader, out);
}

void ReadLog(const Node& node, Reader& reader, gateway::LogOptions& out) {
  if (!reader.Map(node, "log", {"format", "level"})) return;
  if (const Node* format = node.Find("format")) out.json = reader.OneOf(*format, "log.format", {"text", "json"}) == "json";
  if (const Node* level = node.Find("level")) {
    const std::string name = reader.OneOf(*level, "log.level", {"warn", "error", "info", "debug"});
    if (auto parsed = gateway::ParseLogLevel(name)) out.level = *parsed;
  }
}

}  // namespace plumb::cli
