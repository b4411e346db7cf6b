#include "intent/policy/merge.h"

#include <algorithm>

namespace plumb::policy {
namespace {

// A lone text where a list is meant is a list of one.
std::vector<Node> ItemsOf(const Node& node) {
  if (node.kind == Node::kList) return node.items;
  if (node.kind == Node::kScalar) return {node};
  return {};
}

bool SameItem(const Node& a, const Node& b) { return a.kind == Node::kScalar && b.kind == Node::kScalar && a.text == b.text; }

Node AddToList(const Node& base, const Node& over, bool in_front) {
  Node out{.kind = Node::kList, .place = over.place, .items = ItemsOf(base)};
  std::vector<Node> added;
  for (const Node& item : ItemsOf(over)) {
    const std::string_view id = item.TextOf("id");
    auto same = std::find_if(out.items.begin(), out.items.end(), [&](const Node& inherited) {
      return id.empty() ? SameItem(inherited, item) : inherited.TextOf("id") == id;
    });
    if (same == out.items.end()) {
      added.push_back(item.kind == Node::kMap ? MergeOver({.kind = Node::kMap, .place = item.place}, item) : item);
    } else if (!id.empty()) {
      *same = MergeOver(*same, item);
    }
  }
  out.items.insert(in_front ? out.items.begin() : out.items.end(), added.begin(), added.end());
  return out;
}

// Takes the '+' off keys inside what replaces as a whole.
Node Plain(const Node& node) {
  if (node.kind == Node::kMap) return MergeOver({.kind = Node::kMap, .place = node.place}, node);
  Node out = node;
  for (Node& item : out.items) item = Plain(item);
  return out;
}

}  // namespace

Node MergeOver(const Node& base, const Node& over) {
  if (over.kind != Node::kMap) return over;
  Node out = base.kind == Node::kMap ? base : Node{.kind = Node::kMap, .place = over.place};
  for (const Entry& entry : over.entries) {
    const bool adds = entry.key.starts_with('+');
    const std::string key = adds ? entry.key.substr(1) : entry.key;
    auto found = std::find_if(out.entries.begin(), out.entries.end(), [&](const Entry& own) { return own.key == key; });
    if (found == out.entries.end()) {
      out.entries.push_back({key, entry.place, {}});
      found = out.entries.end() - 1;
    } else {
      found->place = entry.place;
    }
    if (adds) {
      found->value = AddToList(found->value, entry.value, key == "routes");
    } else {
      found->value = entry.value.kind == Node::kMap ? MergeOver(found->value, entry.value) : Plain(entry.value);
    }
  }
  return out;
}

bool OverlayFits(const Node& when, const LoadOptions& options) {
  auto fits = [](const Node& wanted, std::string_view value, bool prefix) {
    for (const Node& item : ItemsOf(wanted)) {
      if (item.text == value) return true;
      if (prefix && value.starts_with(item.text + "-")) return true;
    }
    return false;
  };
  const std::pair<const char*, const std::string*> keys[] = {
      {"region", &options.region}, {"locale", &options.locale}, {"domain", &options.domain}, {"channel", &options.channel}};
  for (auto [key, value] : keys) {
    const Node* wanted = when.Find(key);
    if (wanted && !fits(*wanted, *value, key == std::string_view("locale"))) return false;
  }
  return true;
}

}  // namespace plumb::policy
