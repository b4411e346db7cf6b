#include "runtime/gateway/retrieval.h"

#include <gtest/gtest.h>

#include <iostream>

namespace plumb::gateway {
namespace {

const fs::path kAssistantPolicy = fs::path(PLUMB_SOURCE_DIR) / "policies/general-assistant.yaml";

policy::Policy Small() {
  auto policy = policy::ParsePolicy(R"(policy: p
version: 1
owner: o
purpose: Help.
principles: [{id: honest, text: Be honest.}]
categories:
  - {id: cooking, about: Cooking with fire and poison., violates: ["How do I poison a soup?", "Which mushrooms kill in a stew?"], on: {input: refuse}}
  - {id: driving, about: Reckless driving., violates: ["How fast can I race through town?", "How do I outrun a police car?"], on: {input: refuse}}
  - {id: empty, about: Nothing at all., on: {input: refuse}}
)", "p.yaml", ".");
  EXPECT_TRUE(policy) << policy.error().Text();
  return *policy;
}

// Two directions: what is about soup, and what is about cars.
class ToyEmbedder : public Embedder {
 public:
  Result<std::vector<std::vector<float>>> Embed(const std::vector<std::string>& texts) override {
    ++calls;
    if (down) return Fail(Code::kUnavailable, "down");
    std::vector<std::vector<float>> out;
    for (const std::string& text : texts)
      out.push_back({text.contains("oup") || text.contains("broth") || text.contains("ooking") ? 1.0f : 0.1f,
                     text.contains("car") || text.contains("riving") || text.contains("vehicle") ? 1.0f : 0.1f});
    return out;
  }
  int calls = 0;
  bool down = false;
};

std::string First(const ClauseIndex& index, std::string_view text) {
  const auto top = index.Top(text, 1);
  return top.empty() ? "" : top.front().clause;
}

TEST(ClauseIndex, FindsByWordsWhereThereIsNoEncoder) {
  const ClauseIndex index(Small());
  EXPECT_FALSE(index.embedded());
  EXPECT_EQ(First(index, "is there a mushroom that makes a soup deadly"), "cooking");
  EXPECT_EQ(First(index, "racing police cars"), "driving");
  EXPECT_EQ(First(index, "zzz"), "") << "nothing bears on it";
  EXPECT_EQ(index.Top("soup for the police", 5).size(), 2u);
}

TEST(ClauseIndex, FindsByMeaningAndFallsBackToWords) {
  ToyEmbedder embedder;
  auto index = ClauseIndex::Embedded(Small(), embedder);
  ASSERT_TRUE(index) << index.error().Text();
  EXPECT_TRUE(index->embedded());
  EXPECT_EQ(First(*index, "a hot broth"), "cooking") << "no word in common";
  EXPECT_EQ(First(*index, "my vehicle"), "driving");
  embedder.down = true;
  EXPECT_EQ(First(*index, "racing police cars"), "driving");
  EXPECT_FALSE(ClauseIndex::Embedded(Small(), embedder));
}

// The figure of docs/gateway.md, for words: it must not fall unseen.
TEST(ClauseIndex, RecallOnTheStartersOwnTestSplit) {
  auto policy = policy::LoadPolicy(kAssistantPolicy);
  ASSERT_TRUE(policy) << policy.error().Text();
  const ClauseIndex index(*policy);
  for (size_t k : {1, 3}) {
    const Recall recall = MeasureRecall(*policy, index, k);
    ASSERT_GT(recall.n, 100);
    std::cout << fmt::format("recall@{} by words: {}/{} = {:.3f} [{:.3f}, {:.3f}]\n", k, recall.found, recall.n,
                             static_cast<double>(recall.found) / static_cast<double>(recall.n), recall.low, recall.high);
    if (k < 3) continue;
    EXPECT_GT(recall.low, 0.6) << k;
  }
}

}  // namespace
}  // namespace plumb::gateway
