// A YAML document as a tree in which every node knows where it was written.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "intent/policy/policy.h"

namespace plumb::policy {

struct Place {
  std::shared_ptr<const std::string> file;
  int line = 1;
  int column = 1;  // in characters

  std::string Text() const;  // "policy.yaml:14:3"
};

struct Entry;

// Scalars keep their text: whether it is a number is decided by who reads it.
struct Node {
  enum Kind { kNull, kScalar, kList, kMap };
  Kind kind = kNull;
  bool quoted = false;  // "5" is text where 5 may be a number
  std::string text;
  Place place;
  std::vector<Node> items;
  std::vector<Entry> entries;

  const Node* Find(std::string_view key) const;  // nullptr where missing or where this is no map
  Node* Find(std::string_view key);
  // The text of a scalar child, or "".
  std::string_view TextOf(std::string_view key) const;
};

struct Entry {
  std::string key;
  Place place;  // of the key
  Node value;
};

using Problems = std::vector<Problem>;
template <class... Args>
void AddProblem(Problems& problems, const Place& place, fmt::format_string<Args...> format, Args&&... args) {
  problems.push_back({place.Text(), fmt::format(format, std::forward<Args>(args)...)});
}

// Parses one document. What is no tree of maps, lists and scalars (bad syntax, a key twice, a second document) is
// added to `problems`. Nothing where no tree could be made of it.
std::optional<Node> ParseYaml(std::string_view text, std::string_view name, Problems& problems);

}  // namespace plumb::policy
