#include "loop/hard_pairs.h"

#include <gtest/gtest.h>

#include <map>

namespace plumb::loop {
namespace {

constexpr char kDeclines[] = "I'm sorry, but I can't help with that.", kHelps[] = "A boat is washed with fresh water.";

Pair PairOf(const std::string& text, bool violates, std::string chosen, std::string rejected) {
  return {{text, violates ? "sabotage" : "ordinary", "plain", violates, text}, std::move(chosen), std::move(rejected), true, "policy"};
}

std::string SideText(const json::object& row, const char* side) {
  return std::string(row.at(side).as_array().back().as_object().at("content").as_string());
}

TEST(HardPairs, WhatIsWrongIsRejectedInTheModelsOwnWords) {
  auto again = SortAnswered({PairOf("sink it", true, kDeclines, "Sure"), PairOf("wash it", false, kHelps, "I'm sorry"), PairOf("paint it", false, "", ""), PairOf("burn it", true, kDeclines, "Sure")},
                            {"First, open the valve and", "I'm sorry, but I cannot say.", "I'm sorry, but I cannot say.", kDeclines});
  EXPECT_EQ(again.wrong, 3u);
  ASSERT_EQ(again.hard.size(), 2u);
  EXPECT_EQ(again.hard[0].rejected, "First, open the valve and");
  EXPECT_EQ(again.hard[1].chosen, kHelps);
  ASSERT_EQ(again.unanswered.size(), 1u);
  EXPECT_EQ(again.unanswered[0].prompt.text, "paint it");
  ASSERT_EQ(again.refused_rightly.size(), 1u);
  EXPECT_EQ(again.refused_rightly[0].rejected, "Sure") << "what is right stays as it was";
  const auto rows = HardRows(std::move(again), {"Sand it first."}, {});
  ASSERT_EQ(rows.size(), 3u) << "three wrong ones are too few to be held by right ones";
  EXPECT_EQ(SideText(rows[2], "chosen"), "Sand it first.");
  EXPECT_EQ(SideText(rows[2], "rejected"), "I'm sorry, but I cannot say.");
}

TEST(HardPairs, WhatTheBareModelDeclinesTooIsLeftOut) {
  for (const char* own : {"", "I'm sorry to hear that.", kDeclines}) {
    const auto rows = HardRows(SortAnswered({PairOf("paint it", false, "", "")}, {kDeclines}), {own}, {});
    EXPECT_TRUE(rows.empty()) << own;
  }
}

TEST(HardPairs, RightOnesHoldBothSides) {
  std::vector<Pair> pairs;
  std::vector<std::string> answers;
  const auto add = [&](size_t n, bool violates, bool right) {
    for (size_t i = 0; i < n; ++i) {
      pairs.push_back(PairOf(fmt::format("{} {} {}", violates ? "sink" : "wash", right ? "well" : "badly", i), violates, violates ? kDeclines : kHelps, "x"));
      answers.emplace_back(violates == right ? kDeclines : kHelps);
    }
  };
  add(16, false, false);
  add(40, true, true);
  add(40, false, true);
  const Pair mine = PairOf("tie it", false, kHelps, "No idea"), half = PairOf("row it", false, kHelps, "");
  const auto rows = HardRows(SortAnswered(pairs, answers), {}, {mine, half});
  std::map<std::string, int> n;
  for (const auto& row : rows) {
    const std::string prompt = SideText(row, "prompt");
    ++n[prompt.substr(0, prompt.rfind(' '))];
  }
  EXPECT_EQ(n, (std::map<std::string, int>{{"wash badly", 16}, {"sink well", 16}, {"wash well", 8}, {"tie", 1}}));
}

}  // namespace
}  // namespace plumb::loop
