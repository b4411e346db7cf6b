#include "base/net/sse.h"

#include <algorithm>
#include <utility>

#include "base/core/text.h"

namespace plumb::net {
namespace {

void Field(std::string& out, std::string_view name, std::string_view value) {
  for (std::string_view line : Split(value, '\n')) {
    out.append(name).append(": ").append(line).push_back('\n');
  }
}

}  // namespace

std::string WriteSse(const SseEvent& event) {
  std::string out;
  if (!event.event.empty()) Field(out, "event", event.event);
  if (!event.id.empty()) Field(out, "id", event.id);
  Field(out, "data", event.data);
  out.push_back('\n');
  return out;
}

std::string WriteSseData(std::string_view data) {
  std::string out;
  out.reserve(data.size() + 8);
  Field(out, "data", data);
  out.push_back('\n');
  return out;
}

std::string WriteSseComment(std::string_view text) {
  std::string out;
  Field(out, "", text);
  out.push_back('\n');
  return out;
}

Result<std::vector<SseEvent>> SseParser::Feed(std::string_view bytes) {
  std::vector<SseEvent> out;
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const size_t feed = std::min(bytes.find('\n'), bytes.size());
    const size_t end = std::min(bytes.substr(0, feed).find('\r'), feed);
    std::string_view line = bytes.substr(0, end);
    if (line_.size() + line.size() + event_.data.size() > limit_) {
      return Fail(Code::kExhausted, "one server-sent event holds more than {} bytes", limit_);
    }
    if (end == bytes.size()) {
      line_ += line;
      break;
    }
    if (!line_.empty()) line = line_ += line;
    if (first_ && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    first_ = false;
    Line(line, out);
    line_.clear();
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
  }
  return out;
}

void SseParser::Line(std::string_view line, std::vector<SseEvent>& out) {
  if (line.empty()) {
    if (has_data_) out.push_back(std::move(event_));
    event_ = SseEvent{};
    has_data_ = false;
    return;
  }
  const size_t colon = line.find(':');
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  const std::string_view name = line.substr(0, colon);
  if (name.empty()) {
    if (comments_.size() == 16) comments_.erase(comments_.begin());
    comments_.emplace_back(value);
  } else if (name == "data") {
    if (has_data_) event_.data.push_back('\n');
    event_.data.append(value);
    has_data_ = true;
  } else if (name == "event") {
    event_.event = value;
  } else if (name == "id") {
    event_.id = value;
  }
}

}  // namespace plumb::net
