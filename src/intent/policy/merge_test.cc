#include "intent/policy/merge.h"

#include <gtest/gtest.h>

#include <random>

namespace plumb::policy {
namespace {

Node Yaml(std::string_view text) {
  Problems problems;
  Node node = ParseYaml(text, "t", problems).value();
  EXPECT_TRUE(problems.empty());
  return node;
}

std::string Show(const Node& node) {
  std::string out;
  if (node.kind == Node::kScalar) return node.text;
  if (node.kind == Node::kList) {
    for (const Node& item : node.items) out += (out.empty() ? "" : ", ") + Show(item);
    return "[" + out + "]";
  }
  for (const Entry& entry : node.entries) out += (out.empty() ? "" : ", ") + entry.key + ": " + Show(entry.value);
  return "{" + out + "}";
}

std::string Merged(std::string_view base, std::string_view over) { return Show(MergeOver(Yaml(base), Yaml(over))); }

TEST(Merge, MapsMergeListsReplace) {
  EXPECT_EQ(Merged("{a: {x: 1, y: 2}, l: [1, 2]}", "{a: {y: 3, z: 4}, l: [9]}"), "{a: {x: 1, y: 3, z: 4}, l: [9]}");
}

TEST(Merge, PlusAddsAndMergesById) {
  EXPECT_EQ(Merged("{l: [1, 2]}", "{+l: [2, 3]}"), "{l: [1, 2, 3]}");
  EXPECT_EQ(Merged("{c: [{id: a, n: 1}, {id: b}]}", "{+c: [{id: b, n: 2, +t: [x]}, {id: d}]}"),
            "{c: [{id: a, n: 1}, {id: b, n: 2, t: [x]}, {id: d}]}");
  EXPECT_EQ(Merged("{say: one}", "{+say: two}"), "{say: [one, two]}");
  EXPECT_EQ(Merged("{}", "{+l: [1]}"), "{l: [1]}");
}

TEST(Merge, AddedRoutesComeFirst) {
  EXPECT_EQ(Merged("{routes: [{match: {}}]}", "{+routes: [{match: {key: a}}]}"), "{routes: [{match: {key: a}}, {match: {}}]}");
}

TEST(Merge, OverlaysFitByRegionAndLocale) {
  const Node when = Yaml("{region: [DE, AT], locale: de}");
  EXPECT_TRUE(OverlayFits(when, {.region = "AT", .locale = "de-AT"}));
  EXPECT_TRUE(OverlayFits(when, {.region = "DE", .locale = "de"}));
  EXPECT_FALSE(OverlayFits(when, {.region = "AT", .locale = "den"}));
  EXPECT_FALSE(OverlayFits(when, {.locale = "de"}));
}

// A random map of a few keys, so that two of them collide often. As in a policy, a key always has the same type: "a" and
// "b" are scalars, "l" is a list of scalars, "i" one of maps with ids, "m" and "n" are maps.
Node Random(std::mt19937& random, int depth, bool plus) {
  auto scalar = [&] { return Node{.kind = Node::kScalar, .text = std::to_string(random() % 4)}; };
  Node out{.kind = Node::kMap};
  for (unsigned n = random() % 5; n > 0; --n) {
    const char key = "ablimn"[random() % (depth > 0 ? 6 : 3)];
    if (out.Find(std::string(1, key)) || out.Find(std::string("+") + key)) continue;
    Node value = key <= 'b' ? scalar() : Node{.kind = key == 'l' || key == 'i' ? Node::kList : Node::kMap};
    if (key == 'l' || key == 'i')
      for (unsigned count = random() % 3, id = random() % 3; count > 0; --count, ++id) {
        Node item = key == 'l' ? scalar() : Random(random, depth - 1, plus);
        if (key == 'i') item.entries.insert(item.entries.begin(), {"id", {}, {.kind = Node::kScalar, .text = std::to_string(id)}});
        value.items.push_back(std::move(item));
      }
    if (key == 'm' || key == 'n') value = Random(random, depth - 1, plus);
    out.entries.push_back({(plus && value.kind == Node::kList && random() % 2 ? "+" : "") + std::string(1, key), {}, std::move(value)});
  }
  return out;
}

bool HasPlus(const Node& node) {
  for (const Node& item : node.items)
    if (HasPlus(item)) return true;
  for (const Entry& entry : node.entries)
    if (entry.key.starts_with('+') || HasPlus(entry.value)) return true;
  return false;
}

TEST(MergeProperties, HoldOnRandomTrees) {
  std::mt19937 random(20261121);
  const Node empty{.kind = Node::kMap};
  for (int i = 0; i < 5000; ++i) {
    const Node base = Random(random, 3, false), plain = Random(random, 3, false), over = Random(random, 3, true);
    EXPECT_EQ(Show(MergeOver(empty, base)), Show(base));
    EXPECT_EQ(Show(MergeOver(base, empty)), Show(base));
    EXPECT_EQ(Show(MergeOver(base, base)), Show(base));
    const Node once = MergeOver(base, over);
    ASSERT_FALSE(HasPlus(once)) << Show(once);
    // Without lists that add, laying over is associative, and twice is once.
    EXPECT_EQ(Show(MergeOver(MergeOver(base, plain), plain)), Show(MergeOver(base, plain)));
    const Node third = Random(random, 3, false);
    EXPECT_EQ(Show(MergeOver(MergeOver(base, plain), third)), Show(MergeOver(base, MergeOver(plain, third))));
  }
}

}  // namespace
}  // namespace plumb::policy
