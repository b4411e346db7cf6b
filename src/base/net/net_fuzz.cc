// Whatever bytes a client sends: a request or a refusal, the same one however they are cut, and
// never a crash.
#include <cstdint>
#include <cstdlib>

#include "base/net/message.h"
#include "base/net/sse.h"

namespace {

using namespace plumb::net;

// What was read: the status of the refusal (0: not all there yet, 200: a request), and the request
// itself.
struct Outcome {
  int status = 0;
  std::string request;
  bool operator==(const Outcome&) const = default;
};

Outcome Read(std::string_view bytes, size_t step) {
  std::string pending, body;
  size_t seen = 0, at = 0;
  Request request;
  std::optional<Framing> framing;
  ChunkedBody chunks;
  const auto done = [&] {
    return Outcome{
        200, request.method + " " + request.target + "\n" + request.headers.wire() + "\n" + body};
  };
  while (true) {
    if (!framing && !pending.empty()) {
      auto head = FindHead(pending, seen);
      if (!head) return {head.error().status, ""};
      seen = pending.size();
      if (*head > 0) {
        if (*head > pending.size()) std::abort();
        auto parsed = ParseRequestHead(std::string_view(pending).substr(0, *head), request);
        if (!parsed) return {parsed.error().status, ""};
        if (parsed->chunked && parsed->content_length) std::abort();
        framing = *parsed;
        pending.erase(0, *head);
      }
    }
    if (framing && !framing->chunked) {
      const size_t wanted =
          static_cast<size_t>(std::min<uint64_t>(framing->content_length.value_or(0), 1 << 20));
      body += pending.substr(0, wanted - body.size());
      pending.clear();
      if (body.size() == wanted) return done();
    } else if (framing) {
      auto used = chunks.Feed(pending, body, 1 << 16);
      if (!used) return {used.error().status, ""};
      if (*used > pending.size() || (*used < pending.size() && !chunks.done())) std::abort();
      pending.erase(0, *used);
      if (chunks.done()) return done();
    }
    if (at >= bytes.size()) return {};
    pending += bytes.substr(at, step);
    at += step;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = data[0] % 16 + 1u;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!(Read(text, step) == Read(text, size))) std::abort();

  Headers headers;
  if (auto head = FindHead(text, 0); head && *head > 0)
    (void)ParseResponseHead(text.substr(0, *head), headers);

  SseParser whole(1 << 16), pieces(1 << 16);
  const auto all = whole.Feed(text);
  std::vector<SseEvent> got;
  bool failed = false;
  for (size_t at = 0; at < text.size() && !failed; at += step) {
    auto some = pieces.Feed(text.substr(at, step));
    failed = !some;
    if (some) got.insert(got.end(), some->begin(), some->end());
  }
  if (failed == all.has_value()) std::abort();
  if (all && got != *all) std::abort();
  return 0;
}
