// OpenTelemetry's names for what a turn has to say: semantic conventions for HTTP and GenAI
// (open-telemetry/semantic-conventions-genai), and for guardrails its proposal 427. Private to this room.
#pragma once

#include <string_view>

#include "base/net/telemetry.h"
#include "runtime/guard/guard.h"

namespace plumb::gateway {

struct Turn;

// gen_ai.operation.name of one of our surfaces.
std::string_view OperationName(std::string_view api);

net::Attributes ServerAttributes(const Turn& turn);
net::Attributes ClientAttributes(const Turn& turn);
net::Attributes GuardrailAttributes(const Turn& turn, guard::Direction direction, const guard::Verdict& verdict);

// gen_ai.evaluation.result: the guard's verdict on one direction.
net::Event EvaluationEvent(const Turn& turn, guard::Direction direction, const guard::Verdict& verdict);
// The proposal's finding.
net::Event FindingEvent(const Turn& turn, guard::Direction direction, const guard::Verdict& verdict, const net::SpanContext& span);
// gen_ai.client.inference.operation.details, with the texts.
net::Event DetailsEvent(const Turn& turn);

// gen_ai.client.*: operation.duration, token.usage, operation.time_to_first_chunk, operation.time_per_output_chunk.
void RecordMetrics(const Turn& turn, net::Meter& meter);

}  // namespace plumb::gateway
