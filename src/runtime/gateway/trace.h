// What a turn tells the outside about itself: a trace and events for a collector (OpenTelemetry's GenAI conventions),
// one line in the log, how many are on their way. Private to this room.
//
//   POST /v1/chat/completions          SERVER    the whole of it, with what was done
//   ├─ run_guardrail plumb.input       INTERNAL  where guardrail spans are on
//   ├─ chat MODEL                      CLIENT    asking the provider
//   └─ run_guardrail plumb.output      INTERNAL
//
// A caller's `traceparent` is taken up, and ours is sent to the provider. Texts are told only where
// `telemetry.otlp.content` is on.
#pragma once

#include <chrono>
#include <string>

#include "base/net/telemetry.h"

namespace plumb::gateway {

struct Turn;

struct Trace {
  Time began;                             // by the wall clock
  net::SpanContext caller;                // what the request came with
  net::SpanContext server, client;        // ours; empty where nobody listens
  std::chrono::steady_clock::time_point asked, heard;
  double asked_ms = 0;                    // since the turn began
  std::string response_model;             // as the provider named it
  std::string error;                      // the error's code; empty: none
};

void BeginTrace(Turn& turn);
// Around the provider's answer; Heard at every piece of its stream.
void BeginAsk(Turn& turn);
void Heard(Turn& turn);
void EndAsk(Turn& turn, const std::string& response_model);
// After the last byte.
void EndTrace(Turn& turn);

}  // namespace plumb::gateway
