// What every part of plumb.yaml is read with. Private to the verbs' configuration.
#pragma once

#include <charconv>
#include <cmath>

#include "base/core/core.h"
#include "intent/policy/node.h"

namespace plumb::cli {

using policy::AddProblem;
using policy::Node;
using policy::Problems;

// Reads nodes of one file and collects what is wrong with them.
class Reader {
 public:
  Reader(const fs::path& folder, Problems& problems) : folder_(folder), problems_(problems) {}

  template <class... Args>
  void Wrong(const Node& node, fmt::format_string<Args...> format, Args&&... args) {
    AddProblem(problems_, node.place, format, std::forward<Args>(args)...);
  }
  // Refuses keys that are not in `known`. False where `node` is no map.
  bool Map(const Node& node, std::string_view what, const std::vector<std::string>& known) {
    if (node.kind != Node::kMap) {
      Wrong(node, "{} must be a map", what);
      return false;
    }
    for (const policy::Entry& entry : node.entries) {
      if (std::ranges::find(known, entry.key) != known.end()) continue;
      AddProblem(problems_, entry.place, "unknown key '{}' in {}{} (known: {})", entry.key, what,
                 DidYouMean(entry.key, known), Join(known, ", "));
    }
    return true;
  }
  std::string Text(const Node& node, std::string_view what) {
    if (node.kind == Node::kScalar) return node.text;
    Wrong(node, "{} must be a text", what);
    return "";
  }
  std::string OneOf(const Node& node, std::string_view what, const std::vector<std::string>& choices) {
    const std::string text = Text(node, what);
    if (std::ranges::find(choices, text) != choices.end()) return text;
    if (node.kind == Node::kScalar) {
      Wrong(node, "{} is '{}'{}; it must be one of {}", what, text, DidYouMean(text, choices), Join(choices, ", "));
    }
    return choices.front();
  }
  bool Switch(const Node& node, std::string_view what) {
    const std::string text = Lower(Text(node, what));
    if (text == "on" || text == "true" || text == "yes") return true;
    if (text != "off" && text != "false" && text != "no") Wrong(node, "{} must be on or off", what);
    return false;
  }
  int64_t Whole(const Node& node, std::string_view what, int64_t low, int64_t high) {
    const std::string text = Text(node, what);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && value >= low && value <= high) return value;
    Wrong(node, "{} must be a whole number from {} to {}", what, low, high);
    return low;
  }
  // A number, a fraction allowed.
  double Number(const Node& node, std::string_view what, double low, double high) {
    const std::string text = Text(node, what);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (whole && std::isfinite(value) && value >= low && value <= high) return value;
    Wrong(node, "{} must be a number from {} to {}", what, low, high);
    return low;
  }
  // "90d"
  std::chrono::seconds Duration(const Node& node, std::string_view what) {
    auto parsed = ParseDuration(Text(node, what));
    if (parsed) return *parsed;
    Wrong(node, "{}: {}", what, parsed.error().message);
    return std::chrono::seconds(1);
  }
  // A list of texts; one text stands for a list of one.
  std::vector<std::string> Texts(const Node& node, std::string_view what) {
    if (node.kind == Node::kScalar) return {node.text};
    std::vector<std::string> out;
    if (node.kind != Node::kList) Wrong(node, "{} must be a list of texts", what);
    for (const Node& item : node.items) out.push_back(Text(item, what));
    return out;
  }
  fs::path Path(const Node& node, std::string_view what) {
    const fs::path path = Text(node, what);
    return path.is_absolute() ? path : folder_ / path;
  }

 private:
  const fs::path& folder_;
  Problems& problems_;
};

}  // namespace plumb::cli
