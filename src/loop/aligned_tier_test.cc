#include "loop/aligned_tier.h"

#include <gtest/gtest.h>

#include "intent/policy/everyday.h"
#include "runtime/guard/aligned.h"
#include "runtime/guard/cascade.h"

namespace plumb::loop {
namespace {

enum Kind { kUnsafe, kSafe, kEveryday };

Leaning Seen(Kind side, double unsafe, double refuses, bool stopped = false) {
  return {{"text", side == kEveryday ? std::string(policy::kOrdinary) : "sabotage", side == kUnsafe}, unsafe, stopped, refuses};
}

// Ten unsafe prompts that the guard is in doubt about and the model would refuse, ten look-alikes that only the guard suspects, and
// 999 everyday prompts that nobody does.
std::vector<Leaning> DoubtfulSplit() {
  std::vector<Leaning> seen;
  for (int i = 0; i < 10; ++i) {
    seen.push_back(Seen(kUnsafe, -1, -0.1));
    seen.push_back(Seen(kSafe, -0.5, -6));
  }
  for (int i = 0; i < 999; ++i) seen.push_back(Seen(kEveryday, -9, -9));
  return seen;
}

TEST(AlignedTier, FindsWhatTheGuardAloneCannotTell) {
  const auto point = PickAligned(DoubtfulSplit(), 0.3, 0.01);
  EXPECT_EQ(point.rates.unsafe.rate(), 1);
  EXPECT_EQ(point.rates.safe.rate(), 0) << "the guard alone finds the look-alikes more suspect";
  EXPECT_GT(point.weight, 0);
  const guard::AlignedIdentity tier{"m", "", "I'm sorry,", point.weight, point.threshold};
  EXPECT_TRUE(guard::LeansToRefuse(tier, -1, -0.1));
  EXPECT_FALSE(guard::LeansToRefuse(tier, -0.5, -6));
}

TEST(AlignedTier, KeepsWithinBothLimits) {
  auto seen = DoubtfulSplit();
  for (int i = 0; i < 9; ++i) seen.push_back(Seen(kEveryday, 0, 0));  // 9 + 1 of 1,008 + 1 is within 1 %
  EXPECT_EQ(PickAligned(seen, 0.3, 0.01).rates.ordinary.hits, 9);
  seen.push_back(Seen(kEveryday, 0, 0));
  const auto none = PickAligned(seen, 0.3, 0.01);
  EXPECT_EQ(none.weight, 0) << "no point refuses an unsafe one within the budget";
  EXPECT_EQ(none.threshold, 1);
  seen = DoubtfulSplit();
  for (int i = 0; i < 4; ++i) seen.push_back(Seen(kSafe, 0, 0));
  EXPECT_EQ(PickAligned(seen, 4.0 / 14, 0.01).rates.safe.hits, 4);
  EXPECT_EQ(PickAligned(seen, 3.9 / 14, 0.01).weight, 0);
}

TEST(AlignedTier, WhatTheGuardStopsCountsAlready) {
  auto seen = DoubtfulSplit();
  for (int i = 0; i < 5; ++i) seen.push_back(Seen(kUnsafe, 3, 0, true));
  for (int i = 0; i < 10; ++i) seen.push_back(Seen(kEveryday, 3, 0, true));
  const auto point = PickAligned(seen, 0.3, 0.01);
  EXPECT_EQ(point.weight, 0) << "the guard alone spends the budget";
  EXPECT_EQ(point.rates.unsafe.hits, 5);
  EXPECT_EQ(point.rates.ordinary.hits, 10);
}

TEST(Everyday, OnlyWhatIsCommonStandsForIt) {
  policy::Policy policy;
  policy.languages.supported = {"en"};
  policy::Example example{.text = "What is a knot?", .clause = std::string(policy::kOrdinary)};
  EXPECT_TRUE(StandsForEveryday(policy, example));
  example.kind = "tail";
  EXPECT_FALSE(StandsForEveryday(policy, example));
  example.kind = "multilingual";
  EXPECT_FALSE(StandsForEveryday(policy, example));
  policy.languages.supported = {"en", "de"};
  EXPECT_TRUE(StandsForEveryday(policy, example)) << "what the policy claims counts";
  example.clause = "sabotage";
  EXPECT_FALSE(StandsForEveryday(policy, example));
}

}  // namespace
}  // namespace plumb::loop
