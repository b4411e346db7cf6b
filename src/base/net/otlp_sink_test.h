// A collector of the tests' own: takes OTLP/HTTP in JSON, checks it against the protocol's rules, keeps it.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/core/core.h"
#include "base/net/net.h"

namespace plumb::net {

class OtlpSink {
 public:
  OtlpSink() {
    const Address any{"127.0.0.1", 0, ""};
    server_ = Wait(io_.executor(), Listen(io_.executor(), any, this));
  }
  ~OtlpSink() {
    Wait(io_.executor(), Stop(this));
  }

  std::string url() const { return url_; }
  // The next `times` requests get this status.
  void Refuse(int status, int times) {
    refuse_status_ = status;
    refuse_ = times;
  }
  bool Until(const std::function<bool()>& what) const {
    for (int i = 0; i < 1000; ++i) {
      if (what()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  std::vector<json::object> spans() const { return Copy(spans_); }
  std::vector<json::object> events() const { return Copy(events_); }
  std::vector<json::object> metrics() const { return Copy(metrics_); }
  std::vector<std::string> problems() const { return Copy(problems_); }
  size_t requests() const { return requests_; }
  std::string header(std::string_view name) const {
    std::lock_guard lock(mutex_);
    return std::string(headers_.Get(name));
  }
  // An attribute's value as text; "" where it is not there.
  static std::string Attribute(const json::object& item, std::string_view key) {
    for (const json::value& one : item.at("attributes").as_array()) {
      if (std::string_view(one.at("key").as_string()) != key) continue;
      const json::object& value = one.at("value").as_object();
      const json::value& inner = value.begin()->value();
      return inner.is_string() ? std::string(inner.as_string()) : ToJson(inner);
    }
    return "";
  }

 private:
  static asio::awaitable<std::unique_ptr<Server>> Listen(asio::any_io_executor executor, Address address, OtlpSink* sink) {
    Handler handler = [sink](Request& request, ResponseWriter& out) { return sink->Take(request, out); };
    auto server = Server::Listen(executor, address, std::move(handler));
    sink->url_ = (*server)->url();
    co_return std::move(*server);
  }
  static asio::awaitable<void> Stop(OtlpSink* sink) {
    sink->server_.reset();
    co_return;
  }
  asio::awaitable<void> Take(Request& request, ResponseWriter& out) {
    ++requests_;
    if (refuse_ > 0) {
      --refuse_;
      co_await out.Send(refuse_status_, "text/plain", "no");
      co_return;
    }
    {
      std::lock_guard lock(mutex_);
      headers_ = request.headers;
      Check(request);
    }
    co_await out.Send(200, "application/json", "{}");
  }

  void Wrong(std::string what) { problems_.push_back(std::move(what)); }
  void Check(const Request& request) {
    if (request.method != "POST") Wrong("method " + request.method);
    if (request.headers.Get("content-type") != "application/json") Wrong("content type");
    auto body = ParseJson(request.body, request.path);
    if (!body) return Wrong(body.error().Text());
    const json::object& root = body->as_object();
    if (request.path == "/v1/traces") Items(root, "resourceSpans", "scopeSpans", "spans", &OtlpSink::TakeSpan);
    else if (request.path == "/v1/logs") Items(root, "resourceLogs", "scopeLogs", "logRecords", &OtlpSink::TakeEvent);
    else if (request.path == "/v1/metrics") Items(root, "resourceMetrics", "scopeMetrics", "metrics", &OtlpSink::TakeMetric);
    else Wrong("path " + request.path);
  }
  void Items(const json::object& root, const char* outer, const char* inner, const char* items, void (OtlpSink::*take)(const json::object&)) {
    for (const json::value& resource : root.at(outer).as_array()) {
      CheckAttributes(resource.at("resource").as_object());
      for (const json::value& scope : resource.at(inner).as_array()) {
        if (scope.at("scope").at("name").as_string().empty()) Wrong("a scope without a name");
        for (const json::value& item : scope.at(items).as_array()) (this->*take)(item.as_object());
      }
    }
  }
  static bool Hex(const json::object& item, const char* key, size_t length) {
    const json::string* text = FindString(item, key);
    return text && text->size() == length && text->find_first_not_of("0123456789abcdef") == json::string::npos;
  }
  static bool Number(const json::object& item, const char* key) {
    const json::string* text = FindString(item, key);
    return text && !text->empty() && text->find_first_not_of("0123456789") == json::string::npos;
  }
  void CheckAttributes(const json::object& item) {
    std::set<std::string> seen;
    for (const json::value& one : item.at("attributes").as_array()) {
      const std::string key(one.at("key").as_string());
      if (key.empty() || !seen.insert(key).second) Wrong("attribute '" + key + "' is empty or twice there");
      const json::object& value = one.at("value").as_object();
      static const std::set<std::string> kinds = {"stringValue", "intValue", "doubleValue", "boolValue", "arrayValue"};
      if (value.size() != 1 || !kinds.contains(std::string(value.begin()->key()))) Wrong("value of " + key);
      if (value.contains("intValue") && !value.at("intValue").is_string()) Wrong(key + " must be an integer in a string");
    }
  }
  void TakeSpan(const json::object& span) {
    CheckAttributes(span);
    if (!Hex(span, "traceId", 32) || !Hex(span, "spanId", 16)) Wrong("ids of " + ToJson(span));
    if (span.contains("parentSpanId") && !Hex(span, "parentSpanId", 16)) Wrong("parent of " + ToJson(span));
    if (!Number(span, "startTimeUnixNano") || !Number(span, "endTimeUnixNano")) Wrong("times of " + ToJson(span));
    const int64_t kind = span.at("kind").as_int64();
    if (kind < 1 || kind > 5) Wrong("kind of " + ToJson(span));
    if (span.at("name").as_string().empty()) Wrong("a span without a name");
    spans_.push_back(span);
  }
  void TakeEvent(const json::object& event) {
    CheckAttributes(event);
    if (!Number(event, "timeUnixNano") || event.at("eventName").as_string().empty()) Wrong("event " + ToJson(event));
    events_.push_back(event);
  }
  void TakeMetric(const json::object& metric) {
    if (metric.at("name").as_string().empty() || !metric.contains("unit")) Wrong("metric " + ToJson(metric));
    const json::object* histogram = FindObject(metric, "histogram");
    const json::object& data = histogram ? *histogram : metric.at("sum").as_object();
    if (data.at("aggregationTemporality").as_int64() != 2) Wrong("temporality");
    for (const json::value& value : data.at("dataPoints").as_array()) {
      const json::object& point = value.as_object();
      CheckAttributes(point);
      if (!Number(point, "timeUnixNano") || !Number(point, "startTimeUnixNano")) Wrong("times of " + ToJson(point));
      if (histogram) CheckHistogram(point);
    }
    metrics_.push_back(metric);
  }
  void CheckHistogram(const json::object& point) {
    const json::array& counts = point.at("bucketCounts").as_array();
    uint64_t sum = 0;
    for (const json::value& count : counts) sum += std::stoull(std::string(count.as_string()));
    if (counts.size() != point.at("explicitBounds").as_array().size() + 1) Wrong("one more bucket than bounds");
    if (std::to_string(sum) != std::string_view(point.at("count").as_string())) Wrong("buckets do not add up");
  }

  template <class T>
  T Copy(const T& what) const {
    std::lock_guard lock(mutex_);
    return what;
  }

  mutable std::mutex mutex_;
  std::vector<json::object> spans_, events_, metrics_;
  std::vector<std::string> problems_;
  Headers headers_;
  std::atomic<size_t> requests_ = 0;
  std::atomic<int> refuse_ = 0, refuse_status_ = 200;
  std::string url_;
  IoThread io_;
  std::unique_ptr<Server> server_;
};

}  // namespace plumb::net
