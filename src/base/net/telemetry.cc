#include "base/net/telemetry.h"

#include <algorithm>
#include <cmath>

namespace plumb::net {
namespace {

bool IsHex(std::string_view text, size_t length) {
  return text.size() == length && std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool AllZero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

std::string NewHex(size_t bytes) {
  for (;;) {
    std::string hex = HexEncode(RandomBytes(bytes));
    if (!AllZero(hex)) return hex;
  }
}

std::string KeyOf(const Attributes& attributes) {
  std::string key;
  for (const auto& [name, value] : attributes) {
    key += name;
    key += '\x1f';
    std::visit([&key](const auto& v) {
      using V = std::decay_t<decltype(v)>;
      if constexpr (std::is_same_v<V, std::string>) key += v;
      else if constexpr (std::is_same_v<V, std::vector<std::string>>) key += Join(v, "\x1d");
      else key += fmt::format("{}", v);
    }, value);
    key += '\x1e';
  }
  return key;
}

}  // namespace

std::optional<SpanContext> ParseTraceparent(std::string_view header) {
  header = Trim(header);
  const std::vector<std::string_view> parts = Split(header, '-');
  if (parts.size() < 4 || !IsHex(parts[0], 2) || parts[0] == "ff") return std::nullopt;
  if (parts[0] == "00" && parts.size() != 4) return std::nullopt;
  if (!IsHex(parts[1], 32) || AllZero(parts[1]) || !IsHex(parts[2], 16) || AllZero(parts[2]) || !IsHex(parts[3], 2)) {
    return std::nullopt;
  }
  const char last = parts[3][1];
  const int flags = last <= '9' ? last - '0' : last - 'a' + 10;
  return SpanContext{std::string(parts[1]), std::string(parts[2]), (flags & 1) != 0, ""};
}

std::string WriteTraceparent(const SpanContext& context) {
  return fmt::format("00-{}-{}-{}", context.trace_id, context.span_id, context.sampled ? "01" : "00");
}

SpanContext ChildOf(const SpanContext& parent, double share) {
  SpanContext child;
  child.span_id = NewHex(8);
  if (!parent.trace_id.empty()) {
    child.trace_id = parent.trace_id;
    child.sampled = parent.sampled;
    child.state = parent.state;
    return child;
  }
  child.trace_id = NewHex(16);
  // As OpenTelemetry's TraceIdRatioBased: the id's last 56 bits against the share, so that every process that sees the
  // trace decides alike.
  const uint64_t low = std::stoull(child.trace_id.substr(18), nullptr, 16);
  child.sampled = static_cast<double>(low) < share * std::pow(2.0, 56);
  return child;
}

void Meter::Record(const Instrument& instrument, Attributes attributes, double value) {
  std::string key = KeyOf(attributes);
  std::lock_guard lock(mutex_);
  Kept& kept = kept_[instrument.name];
  if (kept.instrument.name.empty()) kept.instrument = instrument;
  if (kept.series.size() >= kSeriesLimit && !kept.series.contains(key)) {
    attributes = {{"otel.metric.overflow", true}};
    key = KeyOf(attributes);
  }
  Series& series = kept.series[key];
  if (series.count == 0) {
    series.attributes = std::move(attributes);
    series.min = series.max = value;
    if (!instrument.bounds.empty()) series.buckets.resize(instrument.bounds.size() + 1);
  }
  ++series.count;
  series.sum += value;
  series.min = std::min(series.min, value);
  series.max = std::max(series.max, value);
  if (series.buckets.empty()) return;
  // A bucket holds what is at most its bound.
  ++series.buckets[std::ranges::lower_bound(instrument.bounds, value) - instrument.bounds.begin()];
}

std::vector<Meter::Snapshot> Meter::Read() const {
  std::lock_guard lock(mutex_);
  std::vector<Snapshot> out;
  for (const auto& [name, kept] : kept_) {
    Snapshot& one = out.emplace_back(Snapshot{kept.instrument, {}});
    for (const auto& [key, series] : kept.series) one.series.push_back(series);
  }
  return out;
}

}  // namespace plumb::net
