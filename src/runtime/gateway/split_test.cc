#include "runtime/gateway/split.h"

#include <gtest/gtest.h>

namespace plumb::gateway {
namespace {

policy::Experiment Nine() {
  policy::Experiment split;
  split.name = "s";
  split.arms = {{"a", 9, "", "", ""}, {"b", 1, "", "", ""}};
  return split;
}

std::string ArmOf(const policy::Experiment& split, const std::string& user, std::string_view exchange = "e") {
  const policy::Arm* arm = ChooseArm(split, {user, "k", exchange});
  return arm ? arm->name : "";
}

TEST(Split, OneUserMeetsOneArm) {
  const policy::Experiment split = Nine();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ArmOf(split, std::to_string(i), "x"), ArmOf(split, std::to_string(i), "y"));
  EXPECT_EQ(ArmOf({}, "u"), "");
}

TEST(Split, WeightsAreKept) {
  int b = 0;
  for (int i = 0; i < 20'000; ++i) b += ArmOf(Nine(), std::to_string(i)) == "b";
  EXPECT_NEAR(b / 20'000.0, 0.1, 0.0085);  // four standard errors
}

TEST(Split, AnotherNameDealsAnew) {
  policy::Experiment other = Nine();
  other.name = "t";
  other.arms[1].weight = 9;
  policy::Experiment even = Nine();
  even.arms[1].weight = 9;
  int same = 0;
  for (int i = 0; i < 2000; ++i) same += ArmOf(even, std::to_string(i)) == ArmOf(other, std::to_string(i));
  EXPECT_NEAR(same / 2000.0, 0.5, 0.045);
}

TEST(Split, MoreWeightMovesSubjectsOnlyTowardsIt) {
  policy::Experiment more = Nine();
  more.arms[1].weight = 3;
  for (int i = 0; i < 2000; ++i) {
    if (ArmOf(Nine(), std::to_string(i)) != "b") continue;
    EXPECT_EQ(ArmOf(more, std::to_string(i)), "b");
  }
}

TEST(Split, BySubjectThatIsMissingIsByExchange) {
  int b = 0;
  for (int i = 0; i < 2000; ++i) b += ArmOf(Nine(), "", std::to_string(i)) == "b";
  EXPECT_GT(b, 100);
  policy::Experiment by_key = Nine();
  by_key.by = "key";
  EXPECT_EQ(ArmOf(by_key, "u1"), ArmOf(by_key, "u2"));
}

TEST(Split, WeightZeroTakesNothing) {
  policy::Experiment split = Nine();
  split.arms[0].weight = 0;
  EXPECT_EQ(ArmOf(split, "u"), "b");
}

}  // namespace
}  // namespace plumb::gateway
