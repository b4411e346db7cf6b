// Spans, events and metrics to an OpenTelemetry collector: OTLP/HTTP in its JSON encoding.
//
//   PLUMB_TRY(auto exporter, OtlpExporter::Start({.endpoint = "http://localhost:4318", .resource = {{"service.name", "plumb"}}}));
//   exporter->Add(std::move(span));
//   exporter->meter().Record(kDuration, {{"gen_ai.operation.name", "chat"}}, 0.8);
//   …
//   exporter->Close(std::chrono::seconds(2));
//
// Add and Record take a lock and return: encoding and sending happen on a thread of the exporter's own, in batches. The
// queue is bounded; what does not fit is dropped and counted. A collector that is down or slow costs nothing but the
// telemetry itself: 429, 502, 503, 504 and broken connections are tried again with growing waits (Retry-After is
// honoured) while the queue fills; anything else is dropped with the batch.
//
// Safe to use from any thread. Errors of Start: kInvalid (the endpoint).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "base/net/http.h"
#include "base/net/telemetry.h"

namespace plumb::net {

struct OtlpOptions {
  std::string endpoint = "http://localhost:4318";  // /v1/traces, /v1/metrics, /v1/logs are added
  Headers headers;                                 // sent with every request: the collector's key
  std::string ca_file;                             // certificates to trust beside the system's (PEM)
  Attributes resource;                             // service.name, …
  std::string scope = "plumbline", scope_version;
  size_t queue_limit = 4096;                       // spans and events that wait, together
  size_t batch_limit = 512;
  std::chrono::milliseconds interval{5'000};          // between two batches
  std::chrono::milliseconds metrics_interval{15'000};
  std::chrono::milliseconds first_wait{1'000};        // after a failure; doubles up to 30 s
  std::chrono::milliseconds timeout{10'000};          // of one request
  int attempts = 6;                                   // of one batch
  Clock clock = SystemClock();
};

struct OtlpStats {
  uint64_t sent = 0;      // spans and events the collector took
  uint64_t dropped = 0;   // the queue was full
  uint64_t refused = 0;   // the collector would not have them, or could not be reached often enough
  uint64_t requests = 0, failures = 0;
  size_t waiting = 0;
  std::string last_error;  // of the newest failure; empty after a success
};

class OtlpExporter {
 public:
  static Result<std::unique_ptr<OtlpExporter>> Start(OtlpOptions options);
  ~OtlpExporter();

  // Dropped where their context is not sampled.
  void Add(Span span);
  // Events stand for themselves: they are sent whether or not the trace is sampled.
  void Add(Event event);
  Meter& meter();

  OtlpStats stats() const;
  // Sends what waits, for at most `limit`, and stops. What is added later is dropped.
  void Close(std::chrono::milliseconds limit);

 private:
  struct State;
  explicit OtlpExporter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// "key=value,key2=value2", values percent-encoded: what OTEL_EXPORTER_OTLP_HEADERS holds. Error: kInvalid, without the
// values.
Result<Headers> ParseOtlpHeaders(std::string_view text);

// The three requests' bodies (otlp_json.cc).
std::string TracesJson(const std::vector<Span>& spans, const OtlpOptions& options);
std::string LogsJson(const std::vector<Event>& events, const OtlpOptions& options);
std::string MetricsJson(const std::vector<Meter::Snapshot>& metrics, Time started, Time now, const OtlpOptions& options);

}  // namespace plumb::net
