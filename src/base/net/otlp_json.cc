// OTLP's JSON Protobuf encoding: lowerCamelCase keys, ids in hexadecimal, enums as numbers, 64-bit integers as texts.
#include <algorithm>

#include "base/net/otlp.h"

namespace plumb::net {
namespace {

std::string Nanos(Time time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::string Clean(const std::string& text) { return IsUtf8(text) ? text : ToUtf8(text); }

json::value ValueJson(const AttributeValue& value) {
  return std::visit([](const auto& v) -> json::value {
    using V = std::decay_t<decltype(v)>;
    if constexpr (std::is_same_v<V, std::string>) return {{"stringValue", Clean(v)}};
    else if constexpr (std::is_same_v<V, int64_t>) return {{"intValue", std::to_string(v)}};
    else if constexpr (std::is_same_v<V, bool>) return {{"boolValue", v}};
    else if constexpr (std::is_same_v<V, double>) return {{"doubleValue", v}};
    else {
      json::array values;
      for (const std::string& one : v) values.push_back(json::object{{"stringValue", Clean(one)}});
      return {{"arrayValue", json::object{{"values", std::move(values)}}}};
    }
  }, value);
}

json::array AttributesJson(const Attributes& attributes) {
  json::array out;
  for (const auto& [key, value] : attributes) out.push_back(json::object{{"key", key}, {"value", ValueJson(value)}});
  return out;
}

// {"resourceSpans":[{"resource":…,"scopeSpans":[{"scope":…,"spans":[…]}]}]}, for each of the three signals.
std::string Wrapped(const char* outer, const char* inner, const char* items, json::array list, const OtlpOptions& options) {
  json::object scope = {{"name", options.scope}};
  if (!options.scope_version.empty()) scope["version"] = options.scope_version;
  json::object scoped;
  scoped["scope"] = std::move(scope);
  scoped[items] = std::move(list);
  json::object resource;
  resource["resource"] = json::object{{"attributes", AttributesJson(options.resource)}};
  resource[inner] = json::array{std::move(scoped)};
  json::object out;
  out[outer] = json::array{std::move(resource)};
  return ToJson(out);
}

json::object PointJson(const Meter::Series& series, const Instrument& instrument, const std::string& start, const std::string& now) {
  json::object point = {{"attributes", AttributesJson(series.attributes)}, {"startTimeUnixNano", start}, {"timeUnixNano", now}};
  if (instrument.bounds.empty()) {
    point["asDouble"] = series.sum;
    return point;
  }
  json::array counts, bounds;
  for (const uint64_t count : series.buckets) counts.emplace_back(std::to_string(count));
  for (const double bound : instrument.bounds) bounds.emplace_back(bound);
  point["count"] = std::to_string(series.count);
  point["sum"] = series.sum;
  point["min"] = series.min;
  point["max"] = series.max;
  point["bucketCounts"] = std::move(counts);
  point["explicitBounds"] = std::move(bounds);
  return point;
}

}  // namespace

std::string TracesJson(const std::vector<Span>& spans, const OtlpOptions& options) {
  json::array list;
  for (const Span& span : spans) {
    json::object out = {{"traceId", span.context.trace_id}, {"spanId", span.context.span_id}};
    if (!span.context.state.empty()) out["traceState"] = span.context.state;
    if (!span.parent.empty()) out["parentSpanId"] = span.parent;
    out["flags"] = span.context.sampled ? 1 : 0;
    out["name"] = span.name;
    out["kind"] = static_cast<int>(span.kind);
    out["startTimeUnixNano"] = Nanos(span.start);
    out["endTimeUnixNano"] = Nanos(std::max(span.start, span.end));
    out["attributes"] = AttributesJson(span.attributes);
    if (!span.error.empty()) out["status"] = {{"code", 2}, {"message", Clean(span.error)}};
    list.push_back(std::move(out));
  }
  return Wrapped("resourceSpans", "scopeSpans", "spans", std::move(list), options);
}

std::string LogsJson(const std::vector<Event>& events, const OtlpOptions& options) {
  json::array list;
  for (const Event& event : events) {
    json::object out = {{"timeUnixNano", Nanos(event.time)}, {"observedTimeUnixNano", Nanos(event.time)},
                        {"severityNumber", event.warning ? 13 : 9}, {"severityText", event.warning ? "WARN" : "INFO"},
                        {"eventName", event.name}};
    // Collectors older than `eventName` look for the attribute.
    Attributes attributes = event.attributes;
    attributes.emplace_back("event.name", event.name);
    out["attributes"] = AttributesJson(attributes);
    if (!event.context.trace_id.empty()) {
      out["traceId"] = event.context.trace_id;
      out["spanId"] = event.context.span_id;
      out["flags"] = event.context.sampled ? 1 : 0;
    }
    list.push_back(std::move(out));
  }
  return Wrapped("resourceLogs", "scopeLogs", "logRecords", std::move(list), options);
}

std::string MetricsJson(const std::vector<Meter::Snapshot>& metrics, Time started, Time now, const OtlpOptions& options) {
  const std::string start = Nanos(started), at = Nanos(now);
  json::array list;
  for (const Meter::Snapshot& metric : metrics) {
    json::array points;
    for (const Meter::Series& series : metric.series) points.push_back(PointJson(series, metric.instrument, start, at));
    json::object data = {{"aggregationTemporality", 2}, {"dataPoints", std::move(points)}};  // cumulative
    json::object out = {{"name", metric.instrument.name}, {"unit", metric.instrument.unit}, {"description", metric.instrument.description}};
    if (metric.instrument.bounds.empty()) {
      data["isMonotonic"] = true;
      out["sum"] = std::move(data);
    } else {
      out["histogram"] = std::move(data);
    }
    list.push_back(std::move(out));
  }
  return Wrapped("resourceMetrics", "scopeMetrics", "metrics", std::move(list), options);
}

}  // namespace plumb::net
