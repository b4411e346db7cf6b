// Server-sent events (WHATWG HTML, "event stream"), written and parsed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/result.h"

namespace plumb::net {

struct SseEvent {
  std::string event;  // empty: "message"
  std::string data;   // lines joined by '\n'
  std::string id;
  bool operator==(const SseEvent&) const = default;
};

// The event as it stands in the stream, blank line included.
std::string WriteSse(const SseEvent& event);
// "data: …" and the blank line.
std::string WriteSseData(std::string_view data);
// ": …" and the blank line; readers skip it.
std::string WriteSseComment(std::string_view text);

// Takes a stream in pieces cut anywhere; gives events as they become complete.
class SseParser {
 public:
  // A single event may hold this much.
  explicit SseParser(size_t limit_bytes = 4 << 20) : limit_(limit_bytes) {}

  // The events completed by `bytes`, in order. Error: kExhausted (an event above the limit).
  Result<std::vector<SseEvent>> Feed(std::string_view bytes);
  // Comments seen so far, newest last (at most 16 are kept).
  const std::vector<std::string>& comments() const { return comments_; }
  // Whether the stream stopped inside an event: what was begun is to be thrown away.
  bool mid_event() const { return !line_.empty() || has_data_ || !event_.event.empty(); }

 private:
  void Line(std::string_view line, std::vector<SseEvent>& out);

  size_t limit_;
  std::string line_;
  bool after_cr_ = false;
  bool first_ = true;
  bool has_data_ = false;
  SseEvent event_;
  std::vector<std::string> comments_;
};

}  // namespace plumb::net
