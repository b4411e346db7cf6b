#include "base/net/http.h"

#include <algorithm>

#include "base/core/text.h"
#include "base/net/address.h"

namespace plumb::net {
namespace {

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// A line break in a name or value would start another header field.
void AppendOneLine(std::string& out, std::string_view text) {
  const size_t from = out.size();
  out.append(text);
  bool breaks = false;
  for (const char c : text) breaks |= static_cast<unsigned char>(c) <= '\r';  // those, and some that may stay
  if (!breaks) return;
  for (size_t i = from; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
  }
}

}  // namespace

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return x == y || LowerAscii(x) == LowerAscii(y);
         });
}

Headers::Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  for (const auto& [name, value] : fields) Add(name, value);
}

void Headers::Reserve(size_t bytes, size_t fields) {
  wire_.reserve(bytes);
  fields_.reserve(fields);
}

void Headers::Add(std::string_view name, std::string_view value) {
  fields_.push_back({static_cast<uint32_t>(wire_.size()), static_cast<uint32_t>(name.size()),
                     static_cast<uint32_t>(value.size())});
  AppendOneLine(wire_, name);
  wire_.append(": ");
  AppendOneLine(wire_, value);
  wire_.append("\r\n");
}

void Headers::Set(std::string_view name, std::string_view value) {
  Remove(name);
  Add(name, value);
}

std::string_view Headers::Get(std::string_view name) const {
  for (const Field& field : fields_) {
    if (SameName(Name(field), name)) return Value(field);
  }
  return {};
}

bool Headers::Has(std::string_view name) const {
  return std::ranges::any_of(fields_, [&](const Field& field) { return SameName(Name(field), name); });
}

void Headers::Remove(std::string_view name) {
  if (!Has(name)) return;
  Headers kept;
  for (const auto& [field, value] : *this) {
    if (!SameName(field, name)) kept.Add(field, value);
  }
  *this = std::move(kept);
}

std::optional<std::string> Request::Query(std::string_view name) const {
  for (std::string_view pair : Split(query, '&')) {
    const size_t equals = pair.find('=');
    if (PercentDecode(pair.substr(0, equals), true) != name) continue;
    return equals == std::string_view::npos ? "" : PercentDecode(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

void SplitTarget(Request& request) {
  const std::string_view target = request.target;
  const size_t question = target.find('?');
  if (question == std::string_view::npos && target.find('%') == std::string_view::npos) {
    request.path = target;
    request.query.clear();
    return;
  }
  request.path = PercentDecode(target.substr(0, question));
  request.query = question == std::string_view::npos ? "" : std::string(target.substr(question + 1));
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 529: return "Overloaded";
    default: return status < 400 ? "OK" : "Error";
  }
}

}  // namespace plumb::net
