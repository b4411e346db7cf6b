// Where to listen and where to connect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace plumb::net {

struct Address {
  std::string host;    // name or literal without brackets; empty for a Unix socket
  uint16_t port = 0;   // 0 when listening: any free one
  std::string socket;  // path of a Unix socket; empty for TCP

  bool unix_socket() const { return !socket.empty(); }
  // "127.0.0.1:8080", "[::1]:8080", "unix:/run/plumb.sock"
  std::string Text() const;
  // Whether only this machine can reach it.
  bool loopback() const;
  bool operator==(const Address&) const = default;
};

// Understands what Text() writes, and "8080" and ":8080" (127.0.0.1). Error: kInvalid.
Result<Address> ParseAddress(std::string_view text);

struct Url {
  bool tls = false;
  Address address;
  std::string target;  // path and query, "/" at least

  // "https://api.example.com/v1"
  std::string Text() const;
};

// "http://…", "https://…" or "unix:/run/lm.sock" (target "/"). User names in URLs are refused. Error: kInvalid.
Result<Url> ParseUrl(std::string_view text);

// Percent-decoding; '+' is a space where `form` is set. Malformed escapes are kept as they are.
std::string PercentDecode(std::string_view text, bool form = false);
std::string PercentEncode(std::string_view text);

}  // namespace plumb::net
