#include "base/net/address.h"

#include <charconv>

#include "base/core/text.h"

namespace plumb::net {
namespace {

Result<uint16_t> ParsePort(std::string_view text, std::string_view whole) {
  unsigned port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || text.empty() || port > 65535) {
    return Fail(Code::kInvalid, "'{}' in '{}' is not a port; ports are 0 to 65535", text, whole);
  }
  return static_cast<uint16_t>(port);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string Address::Text() const {
  if (unix_socket()) return "unix:" + socket;
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

bool Address::loopback() const {
  return unix_socket() || host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<Address> ParseAddress(std::string_view text) {
  std::string_view rest = Trim(text);
  Address address;
  if (rest.starts_with("unix:")) {
    address.socket = rest.substr(5);
    if (address.socket.empty()) return Fail(Code::kInvalid, "'{}' names no socket; write unix:/path/to.sock", text);
    return address;
  }
  address.host = "127.0.0.1";
  if (rest.starts_with('[')) {
    const size_t close = rest.find(']');
    if (close == std::string_view::npos || !rest.substr(close + 1).starts_with(':')) {
      return Fail(Code::kInvalid, "'{}' is not an address; write [::1]:8080", text);
    }
    address.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 2);
  } else if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    if (rest.find(':') != colon) return Fail(Code::kInvalid, "'{}' is not an address; IPv6 needs brackets: [::1]:8080", text);
    if (colon > 0) address.host = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  PLUMB_TRY(address.port, ParsePort(rest, text));
  return address;
}

std::string Url::Text() const {
  if (address.unix_socket()) return address.Text() + (target == "/" ? "" : target);
  const bool usual = address.port == (tls ? 443 : 80);
  const std::string where = usual ? address.host : address.Text();
  return fmt::format("{}://{}{}", tls ? "https" : "http", where, target);
}

Result<Url> ParseUrl(std::string_view text) {
  Url url;
  url.target = "/";
  std::string_view rest = Trim(text);
  if (rest.starts_with("unix:")) {
    PLUMB_TRY(url.address, ParseAddress(rest));
    return url;
  }
  if (StartsWithNoCase(rest, "https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (StartsWithNoCase(rest, "http://")) {
    rest.remove_prefix(7);
  } else {
    return Fail(Code::kInvalid, "'{}' is not a URL; it must begin with http://, https:// or unix:/", text);
  }
  rest = rest.substr(0, rest.find('#'));
  const size_t slash = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) url.target = rest.substr(slash);
  if (url.target.starts_with('?')) url.target = "/" + url.target;
  for (char c : rest) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) {
      return Fail(Code::kInvalid, "'{}' is not a URL: it holds white space or control characters", text);
    }
  }
  if (authority.find('@') != std::string_view::npos) {
    return Fail(Code::kInvalid, "a URL may not carry a user name or password; give the key by its environment variable");
  }
  const bool literal = authority.starts_with('[');
  const size_t close = literal ? authority.find(']') : std::string_view::npos;
  const bool has_port = literal ? close != std::string_view::npos && authority.size() > close + 1
                                : authority.find(':') != std::string_view::npos;
  if (authority.empty() || (literal && close == std::string_view::npos)) {
    return Fail(Code::kInvalid, "'{}' is not a URL: it names no host", text);
  }
  if (has_port) {
    PLUMB_TRY(url.address, ParseAddress(authority));
    if (url.address.port == 0) return Fail(Code::kInvalid, "'{}' is not a URL: port 0 cannot be called", text);
  } else {
    url.address.host = literal ? authority.substr(1, close - 1) : authority;
    url.address.port = url.tls ? 443 : 80;
  }
  return url;
}

std::string PercentDecode(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(text[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += form && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string PercentEncode(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    if (std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += static_cast<char>(c);
    } else {
      out += fmt::format("%{:02X}", c);
    }
  }
  return out;
}

}  // namespace plumb::net
