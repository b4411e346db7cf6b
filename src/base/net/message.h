// HTTP/1.1 messages on the wire, read strictly (RFC 9112): two readers of one stream must never see different requests
// in it. What a lenient reader would repair is refused here. Pure functions of bytes. Private to this room.
//
// Refused: bare CR or LF, white space before a colon, folded lines, control characters, more than one Content-Length,
// Content-Length beside Transfer-Encoding, any coding but "chunked", a Host that is missing, doubled or malformed,
// targets that are not a path (or "*" of OPTIONS), chunk sizes above 15 digits, long chunk extensions.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/net/http.h"

namespace plumb::net {

struct HttpFault {
  int status = 400;  // what a server answers
  std::string message;
};

// How the body that follows a head is delimited, and what happens after it.
struct Framing {
  bool chunked = false;
  std::optional<uint64_t> content_length;
  bool http10 = false;
  bool keep_alive = true;
  bool expect_continue = false;
};

// The bytes of the head in front of `text`, blank line included; 0 while that line has not come. `seen`: how much of
// `text` an earlier call has looked at. Fault: a line that does not end in CR LF, or a beginning no message has.
std::expected<size_t, HttpFault> FindHead(std::string_view text, size_t seen);

// Fills in method, target, path, query and headers. `head` is what FindHead measured.
std::expected<Framing, HttpFault> ParseRequestHead(std::string_view head, Request& request);

struct ResponseHead {
  int status = 0;
  Framing framing;  // of a body without length: neither chunked nor content_length
};
// The head of an answer, by the same rules.
std::expected<ResponseHead, HttpFault> ParseResponseHead(std::string_view head, Headers& headers);

// A body with "Transfer-Encoding: chunked", in pieces cut anywhere. Trailers are checked and dropped.
class ChunkedBody {
 public:
  // Appends the data in `bytes` to `body`; the number of bytes used, all of them unless done(). Fault: 400, or 413 where
  // `body` would grow beyond `limit`.
  std::expected<size_t, HttpFault> Feed(std::string_view bytes, std::string& body, size_t limit);
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State { kSize, kExtension, kSizeLf, kData, kDataCr, kDataLf, kTrailer, kTrailerLf, kLastLf, kDone };
  std::optional<HttpFault> Control(char c);

  State state_ = State::kSize;
  uint64_t left_ = 0;       // of the chunk's data
  int digits_ = 0;          // of the size
  size_t extra_ = 0;        // bytes of extensions and trailers so far
  std::string line_;        // of the trailers
};

}  // namespace plumb::net
