#include "base/net/message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/core/text.h"

namespace plumb::net {
namespace {

constexpr size_t kMaxExtra = 8192;  // bytes of chunk extensions and trailers in one body
constexpr size_t kMaxFields = 200;

std::unexpected<HttpFault> Refuse(int status, std::string message) {
  return std::unexpected(HttpFault{status, std::move(message)});
}
std::unexpected<HttpFault> Bad(std::string message) { return Refuse(400, std::move(message)); }

// tchar of RFC 9110 §5.6.2.
constexpr std::array<bool, 256> kToken = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return kToken[c]; });
}

bool IsControl(unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; }

bool HasControl(std::string_view text) {
  bool found = false;
  for (unsigned char c : text) found |= IsControl(c);
  return found;
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

struct FieldView {
  std::string_view name, value;
};

// `line` without its CR LF.
std::expected<FieldView, HttpFault> ParseField(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return Bad("a header field is folded over two lines");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Bad("a header field has no colon");
  const std::string_view name = line.substr(0, colon);
  if (!IsToken(name)) return Bad("the name of a header field holds what no name may hold");
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  if (HasControl(value)) return Bad("the value of a header field holds a control character");
  return FieldView{name, value};
}

bool ValidHost(std::string_view host) {
  return std::ranges::all_of(host, [](unsigned char c) {
    return std::isalnum(c) || std::strchr("-._~:[]%!$&'()*+,;=", c) != nullptr;
  });
}

// What the fields say about the message, as they are read.
struct Reading {
  Framing framing;
  int lengths = 0, codings = 0, hosts = 0;
  bool close = false, keep = false;
};

void ReadConnection(std::string_view value, Reading& reading) {
  for (std::string_view option : Split(value, ',')) {
    option = TrimBlanks(option);
    reading.close |= SameName(option, "close");
    reading.keep |= SameName(option, "keep-alive");
  }
}

std::expected<void, HttpFault> ReadField(const FieldView& field, Reading& reading) {
  switch (field.name.size()) {
    case 4:
      if (SameName(field.name, "host")) {
        ++reading.hosts;
        if (!ValidHost(field.value)) return Bad("Host is no host");
      }
      break;
    case 6:
      if (SameName(field.name, "expect") && SameName(field.value, "100-continue")) {
        reading.framing.expect_continue = true;
      }
      break;
    case 10:
      if (SameName(field.name, "connection")) ReadConnection(field.value, reading);
      break;
    case 14:
      if (SameName(field.name, "content-length")) {
        uint64_t length = 0;
        const char* end = field.value.data() + field.value.size();
        const auto [stop, error] = std::from_chars(field.value.data(), end, length);
        const bool digits = std::ranges::all_of(field.value, [](unsigned char c) { return std::isdigit(c) != 0; });
        if (error != std::errc() || stop != end || !digits || length > (uint64_t{1} << 62)) {
          return Bad("Content-Length is not a number");
        }
        if (++reading.lengths > 1) return Bad("there is more than one Content-Length");
        reading.framing.content_length = length;
      }
      break;
    case 17:
      if (SameName(field.name, "transfer-encoding")) {
        if (++reading.codings > 1 || !SameName(field.value, "chunked")) {
          return Bad("Transfer-Encoding may only be chunked");
        }
        reading.framing.chunked = true;
      }
      break;
    default: break;
  }
  return {};
}

// The fields of a head, behind its first line.
std::expected<Reading, HttpFault> ReadFields(std::string_view lines, bool http10, Headers& headers) {
  Reading reading;
  reading.framing.http10 = http10;
  headers.Reserve(lines.size(), 12);
  while (true) {
    const size_t end = lines.find("\r\n");
    if (end == 0 || end == std::string_view::npos) break;
    auto field = ParseField(lines.substr(0, end));
    if (!field) return std::unexpected(field.error());
    if (headers.size() >= kMaxFields) return Refuse(431, "there are more than 200 header fields");
    headers.Add(field->name, field->value);
    if (auto read = ReadField(*field, reading); !read) return std::unexpected(read.error());
    lines.remove_prefix(end + 2);
  }
  if (reading.lengths && reading.codings) return Bad("there is a Content-Length beside a Transfer-Encoding");
  if (reading.codings && http10) return Bad("HTTP/1.0 has no Transfer-Encoding");
  reading.framing.keep_alive = http10 ? reading.keep && !reading.close : !reading.close;
  return reading;
}

// "HTTP/1.1" → false, "HTTP/1.0" → true.
std::expected<bool, HttpFault> ParseVersion(std::string_view version) {
  if (version == "HTTP/1.1") return false;
  if (version == "HTTP/1.0") return true;
  const bool other = version.size() == 8 && version.starts_with("HTTP/") && std::isdigit(static_cast<unsigned char>(version[5])) &&
                     version[6] == '.' && std::isdigit(static_cast<unsigned char>(version[7]));
  if (other) return Refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
  return Bad("this is not an HTTP/1.1 message");
}

bool ValidTarget(std::string_view method, std::string_view target) {
  if (target == "*") return method == "OPTIONS";
  if (!target.starts_with('/')) return false;
  return std::ranges::all_of(target, [](unsigned char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

}  // namespace

std::expected<size_t, HttpFault> FindHead(std::string_view text, size_t seen) {
  if (!text.empty() && !kToken[static_cast<unsigned char>(text.front())]) {
    return Bad("this is not an HTTP/1.1 message");
  }
  size_t at = seen;
  while ((at = text.find('\n', at)) != std::string_view::npos) {
    if (at == 0 || text[at - 1] != '\r') return Bad("a line of the head ends without CR");
    if (at >= 3 && text[at - 2] == '\n') return at + 1;
    ++at;
  }
  return 0;
}

std::expected<Framing, HttpFault> ParseRequestHead(std::string_view head, Request& request) {
  const size_t end = head.find("\r\n");
  const std::string_view line = head.substr(0, end);
  const size_t space = line.find(' ');
  const size_t last = line.rfind(' ');
  if (space == std::string_view::npos || space == last) return Bad("this is not an HTTP/1.1 request");
  const std::string_view method = line.substr(0, space);
  const std::string_view target = line.substr(space + 1, last - space - 1);
  if (!IsToken(method) || method.size() > 32) return Bad("this is not an HTTP/1.1 request");
  const auto http10 = ParseVersion(line.substr(last + 1));
  if (!http10) return std::unexpected(http10.error());
  if (!ValidTarget(method, target)) return Bad("the target of a request must be a path");
  request.method = method;
  request.target = target;
  SplitTarget(request);
  auto reading = ReadFields(head.substr(end + 2), *http10, request.headers);
  if (!reading) return std::unexpected(reading.error());
  if (reading->hosts > 1 || (reading->hosts == 0 && !*http10)) return Bad("a request needs one Host");
  return reading->framing;
}

std::expected<ResponseHead, HttpFault> ParseResponseHead(std::string_view head, Headers& headers) {
  const size_t end = head.find("\r\n");
  const std::string_view line = head.substr(0, end);
  const auto http10 = ParseVersion(line.substr(0, 8));
  if (!http10) return std::unexpected(http10.error());
  ResponseHead out;
  const bool shaped = line.size() >= 12 && line[8] == ' ' && (line.size() == 12 || line[12] == ' ');
  const std::string_view digits = shaped ? line.substr(9, 3) : "";
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.status);
  if (error != std::errc() || stop != digits.data() + 3 || out.status < 100) return Bad("the status line is malformed");
  auto reading = ReadFields(head.substr(end + 2), *http10, headers);
  if (!reading) return std::unexpected(reading.error());
  out.framing = reading->framing;
  return out;
}

std::optional<HttpFault> ChunkedBody::Control(char c) {
  switch (state_) {
    case State::kSize: {
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit >= 0) {
        if (++digits_ > 15) return HttpFault{400, "the size of a chunk has more than 15 digits"};
        left_ = left_ * 16 + static_cast<uint64_t>(digit);
      } else if (digits_ > 0 && c == ';') {
        state_ = State::kExtension;
      } else if (digits_ > 0 && c == '\r') {
        state_ = State::kSizeLf;
      } else {
        return HttpFault{400, "the size of a chunk is not a hexadecimal number"};
      }
      return std::nullopt;
    }
    case State::kExtension:
      if (c == '\r') state_ = State::kSizeLf;
      else if (IsControl(static_cast<unsigned char>(c))) return HttpFault{400, "a chunk's extension holds a control character"};
      if (++extra_ > kMaxExtra) return HttpFault{400, "the extensions of the chunks are too long"};
      return std::nullopt;
    case State::kSizeLf:
      if (c != '\n') return HttpFault{400, "the size of a chunk ends without LF"};
      state_ = left_ == 0 ? State::kTrailer : State::kData;
      return std::nullopt;
    case State::kDataCr:
      if (c != '\r') return HttpFault{400, "a chunk is longer than it says"};
      state_ = State::kDataLf;
      return std::nullopt;
    case State::kDataLf:
      if (c != '\n') return HttpFault{400, "a chunk ends without LF"};
      state_ = State::kSize;
      digits_ = 0;
      left_ = 0;
      return std::nullopt;
    case State::kTrailer:
      if (c == '\r') {
        state_ = line_.empty() ? State::kLastLf : State::kTrailerLf;
        return std::nullopt;
      }
      if (c == '\n') return HttpFault{400, "a trailer ends without CR"};
      line_.push_back(c);
      if (++extra_ > kMaxExtra) return HttpFault{431, "the trailers are too long"};
      return std::nullopt;
    case State::kTrailerLf: {
      if (c != '\n') return HttpFault{400, "a trailer ends without LF"};
      auto field = ParseField(line_);
      if (!field) return field.error();
      line_.clear();
      state_ = State::kTrailer;
      return std::nullopt;
    }
    case State::kLastLf:
      if (c != '\n') return HttpFault{400, "the body ends without LF"};
      state_ = State::kDone;
      return std::nullopt;
    case State::kData:
    case State::kDone: break;
  }
  return std::nullopt;
}

std::expected<size_t, HttpFault> ChunkedBody::Feed(std::string_view bytes, std::string& body, size_t limit) {
  size_t at = 0;
  while (at < bytes.size() && state_ != State::kDone) {
    if (state_ != State::kData) {
      if (auto fault = Control(bytes[at++])) return std::unexpected(std::move(*fault));
      continue;
    }
    if (left_ > limit || body.size() + left_ > limit) return Refuse(413, "the body is longer than allowed");
    const size_t take = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size() - at));
    body.append(bytes.substr(at, take));
    at += take;
    left_ -= take;
    if (left_ == 0) state_ = State::kDataCr;
  }
  return at;
}

}  // namespace plumb::net
