// The parts of plumb.yaml that say what is told of it all, and to whom: telemetry and log.
#pragma once

#include "cli/config_reader.h"
#include "runtime/gateway/gateway.h"

namespace plumb::cli {

// telemetry: {metrics: on, otlp: {endpoint, headers_env, ca_file, content, sample, guardrail_spans, interval_s}}
void ReadTelemetry(const Node& node, Reader& reader, bool& metrics, gateway::TelemetryOptions& out);
// log: {format: json|text, level}
void ReadLog(const Node& node, Reader& reader, gateway::LogOptions& out);

}  // namespace plumb::cli
