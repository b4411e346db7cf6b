// What a request and a response are made of, on either side.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plumb::net {

// Whether two names of header fields are the same: ASCII letters without case.
bool SameName(std::string_view a, std::string_view b);

// Header fields in order, kept as they go over the wire; names compare without case. Values never hold line breaks: Add
// and Set replace them by spaces.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

  // Room for what is coming.
  void Reserve(size_t bytes, size_t fields);
  void Add(std::string_view name, std::string_view value);
  // Replaces every field of that name.
  void Set(std::string_view name, std::string_view value);
  // The first field's value, "" where there is none. Good until the next Add, Set or Remove.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  void Remove(std::string_view name);

  // (name, value) pairs, by value.
  class Iterator;
  Iterator begin() const;
  Iterator end() const;
  size_t size() const { return fields_.size(); }
  // "name: value\r\n" for each.
  const std::string& wire() const { return wire_; }

 private:
  struct Field {
    uint32_t at, name_bytes, value_bytes;
  };
  std::string_view Name(const Field& field) const { return {wire_.data() + field.at, field.name_bytes}; }
  std::string_view Value(const Field& field) const {
    return {wire_.data() + field.at + field.name_bytes + 2, field.value_bytes};
  }

  std::string wire_;
  std::vector<Field> fields_;
};

class Headers::Iterator {
 public:
  Iterator(const Headers& headers, size_t at) : headers_(&headers), at_(at) {}
  std::pair<std::string_view, std::string_view> operator*() const {
    const Field& field = headers_->fields_[at_];
    return {headers_->Name(field), headers_->Value(field)};
  }
  Iterator& operator++() {
    ++at_;
    return *this;
  }
  bool operator==(const Iterator& other) const { return at_ == other.at_; }

 private:
  const Headers* headers_;
  size_t at_;
};

inline Headers::Iterator Headers::begin() const { return {*this, 0}; }
inline Headers::Iterator Headers::end() const { return {*this, fields_.size()}; }

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
