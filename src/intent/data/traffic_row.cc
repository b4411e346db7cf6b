#include "intent/data/traffic_row.h"

#include <algorithm>
#include <cmath>

namespace plumb::data {

std::string TrafficRow::Place(std::string_view key) const {
  size_t offset = key.empty() ? 0 : text.find(fmt::format("\"{}\"", key));
  if (offset == std::string_view::npos) offset = 0;
  const std::string_view before = text.substr(0, offset);
  const size_t newline = before.rfind('\n');
  const size_t lines = static_cast<size_t>(std::ranges::count(before, '\n'));
  return fmt::format("{}:{}:{}", name, line + lines, newline == std::string_view::npos ? column + offset : offset - newline);
}

json::value Unpacked(const json::value& value) {
  const json::string* text = value.if_string();
  if (!text) return value;
  const std::string_view trimmed = Trim(*text);
  if (!trimmed.starts_with('{') && !trimmed.starts_with('[')) return value;
  auto parsed = ParseJson(trimmed);
  return parsed ? std::move(*parsed) : value;
}

std::string TimeOf(const json::value& value) {
  if (value.is_number()) {
    double seconds = value.to_number<double>();
    if (seconds > 1e11) seconds /= 1000;  // milliseconds: seconds only get there in the year 5138
    if (!(seconds > 0) || seconds > 1e11) return "";
    return FormatTime(Time(std::chrono::milliseconds(std::llround(seconds * 1000))));
  }
  const json::string* text = value.if_string();
  if (!text) return "";
  auto parsed = ParseTime(*text);
  return parsed ? FormatTime(*parsed) : "";
}

const json::value* FirstValue(const json::object& object, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const json::value* value = object.if_contains(key);
    if (value && !value->is_null()) return value;
  }
  return nullptr;
}

std::string FirstText(const json::object& object, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const json::string* text = FindString(object, key);
    if (text && !text->empty()) return std::string(*text);
  }
  return "";
}

}  // namespace plumb::data
