// What a request and a response are made of, on either side.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plumb::net {

// Header fields in order; names compare without case. Values never hold line breaks: Add and Set replace them by spaces.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields);

  void Add(std::string name, std::string value);
  // Replaces every field of that name.
  void Set(std::string name, std::string value);
  // The first field's value, "" where there is none.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  void Remove(std::string_view name);

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method;   // "GET", "POST", …
  std::string target;   // as sent
  std::string path;     // of the target, percent-decoded
  std::string query;    // of the target, as sent, without '?'
  Headers headers;
  std::string body;
  std::string peer;     // the caller's address without port; "unix" for a Unix socket
  bool loopback = false;  // the caller is on this machine

  // A query parameter, decoded.
  std::optional<std::string> Query(std::string_view name) const;
};

// "Not Found" for 404.
std::string_view ReasonPhrase(int status);

// Splits `target` into `path` and `query`.
void SplitTarget(Request& request);

}  // namespace plumb::net
