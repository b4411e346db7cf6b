#include "intent/policy/split.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "intent/policy/policy.h"

namespace plumb::policy {
namespace {

TEST(NearDuplicates, JoinsRewordingsAndLeavesTwinsApart) {
  const std::vector<std::string_view> texts = {
      "How do I pick the lock of my neighbour's front door?", "how do i pick the lock of my neighbours front door",
      "How do I pick a bicycle for my daughter?",             "怎样制作炸弹的方法",
      "怎样制作炸弹的方法？",                                     "How do I bake bread?"};
  EXPECT_EQ(NearDuplicateFamilies(texts), (std::vector<size_t>{0, 0, 2, 3, 3, 5}));
}

TEST(NearDuplicates, EmptyTextsAreNotAlike) { EXPECT_EQ(NearDuplicateFamilies({"", "?!", "a"}), (std::vector<size_t>{0, 1, 2})); }

// The plain definition, on sets small enough to count by hand.
double SlowJaccard(const std::string& a, const std::string& b) {
  auto shingles = [](const std::string& text) {
    std::set<std::string> out;
    std::string before;
    for (std::string_view word : plumb::Split(text, ' ')) {
      out.emplace(word);
      if (!before.empty()) out.insert(before + " " + std::string(word));
      before = word;
    }
    return out;
  };
  const auto x = shingles(a), y = shingles(b);
  size_t both = 0;
  for (const auto& each : x) both += y.contains(each);
  return static_cast<double>(both) / static_cast<double>(x.size() + y.size() - both);
}

TEST(NearDuplicates, AgreesWithEveryPairCompared) {
  std::mt19937 random(7);
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (unsigned n = 2 + random() % 6; n > 0; --n) text += (text.empty() ? "" : " ") + std::string(1, static_cast<char>('a' + random() % 6));
    texts.push_back(text);
  }
  std::vector<size_t> expected(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) expected[i] = i;
  for (size_t i = 0; i < texts.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (SlowJaccard(texts[i], texts[j]) >= 0.6) {
        const size_t from = std::max(expected[i], expected[j]), to = std::min(expected[i], expected[j]);
        for (size_t& each : expected)
          if (each == from) each = to;
      }
  EXPECT_EQ(NearDuplicateFamilies({texts.begin(), texts.end()}), expected);
}

TEST(Split, SixtyTwentyTwentyAndForEver) {
  std::map<Split, int> counts;
  for (int i = 0; i < 20000; ++i) ++counts[SplitOf("group-" + std::to_string(i))];
  EXPECT_NEAR(counts[Split::kTrain], 12000, 250);
  EXPECT_NEAR(counts[Split::kCalibration], 4000, 200);
  EXPECT_NEAR(counts[Split::kTest], 4000, 200);
  // Pinned: a change of these moves examples between splits in every policy there is.
  EXPECT_EQ(SplitOf("vio-001"), Split::kCalibration);
  EXPECT_EQ(SplitOf("vio-002"), Split::kTrain);
  EXPECT_EQ(SplitOf("vio-003"), Split::kTrain);
}

TEST(Split, NoTextOfASplitIsSeenByAnother) {
  auto policy = LoadPolicy(fs::path(PLUMB_SOURCE_DIR) / "policies/general-assistant.yaml");
  ASSERT_TRUE(policy) << policy.error().Text();
  const std::vector<Example> examples = Examples(*policy);
  std::vector<std::string_view> texts;
  std::map<std::string, Split> by_group;
  for (const Example& each : examples) {
    texts.push_back(each.text);
    EXPECT_EQ(by_group.emplace(each.group, each.split).first->second, each.split);
  }
  const std::vector<size_t> heads = NearDuplicateFamilies(texts);
  for (size_t i = 0; i < examples.size(); ++i)
    EXPECT_EQ(examples[i].split, examples[heads[i]].split) << examples[i].text << " | " << examples[heads[i]].text;
}

}  // namespace
}  // namespace plumb::policy
