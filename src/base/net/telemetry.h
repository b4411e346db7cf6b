// What OpenTelemetry knows: spans, events, histograms and counters, and how a trace travels from process to process.
//
//   SpanContext   which trace, which span, whether anybody wants it: the `traceparent` header (W3C Trace Context)
//   Span, Event   what happened
//   Meter         histograms and counters by name and attributes, summed since the start
//
//   SpanContext caller = ParseTraceparent(request.headers.Get("traceparent")).value_or(SpanContext());
//   Span span{.context = ChildOf(caller, 0.1), .parent = caller.span_id, .name = "chat m", …};
//   exporter->Add(std::move(span));       // otlp.h
//
// Plain values; a Meter may be used from any thread. Nothing here fails: what a header says wrongly is as if it were not
// there.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/core/core.h"

namespace plumb::net {

using AttributeValue = std::variant<std::string, int64_t, double, bool, std::vector<std::string>>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

struct SpanContext {
  std::string trace_id;  // 32 lower-case hexadecimal digits; empty: no trace
  std::string span_id;   // 16
  bool sampled = false;
  std::string state;     // tracestate, as it came
};

// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01". Later versions are read as far as this one goes.
std::optional<SpanContext> ParseTraceparent(std::string_view header);
std::string WriteTraceparent(const SpanContext& context);
// A span under `parent`: its trace and its decision, or where there is none a new trace, sampled with probability
// `share` (a function of the trace id alone).
SpanContext ChildOf(const SpanContext& parent, double share);

enum class SpanKind { kInternal = 1, kServer = 2, kClient = 3 };  // OTLP's numbers

struct Span {
  SpanContext context;
  std::string parent;  // span id; empty: a root
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  Time start, end;
  Attributes attributes;
  std::string error;   // what went wrong, empty: nothing did
};

struct Event {
  SpanContext context;
  std::string name;
  Time time;
  bool warning = false;  // severity WARN rather than INFO
  Attributes attributes;
};

struct Instrument {
  std::string name, unit, description;
  std::vector<double> bounds;  // of a histogram's buckets; empty: a counter
};

class Meter {
 public:
  explicit Meter(Time started) : started_(started) {}

  // `series_limit` bounds how many attribute sets an instrument may have; what comes beyond is summed under one without
  // attributes but `otel.metric.overflow`.
  void Record(const Instrument& instrument, Attributes attributes, double value);

  struct Series {
    Attributes attributes;
    uint64_t count = 0;
    double sum = 0, min = 0, max = 0;
    std::vector<uint64_t> buckets;  // one more than bounds
  };
  struct Snapshot {
    Instrument instrument;
    std::vector<Series> series;
  };
  std::vector<Snapshot> Read() const;
  Time started() const { return started_; }

  static constexpr size_t kSeriesLimit = 500;

 private:
  struct Kept {
    Instrument instrument;
    std::map<std::string, Series> series;  // by the attributes as text
  };
  Time started_;
  mutable std::mutex mutex_;
  std::map<std::string, Kept> kept_;
};

}  // namespace plumb::net
