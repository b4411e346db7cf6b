#include "intent/policy/route_match.h"

#include <gtest/gtest.h>

namespace plumb::policy {
namespace {

TEST(RouteMatch, StarsCoverAnyRun) {
  EXPECT_TRUE(Covers("*", ""));
  EXPECT_TRUE(Covers("gpt-*", "gpt-5"));
  EXPECT_TRUE(Covers("a*c*e", "abcde"));
  EXPECT_FALSE(Covers("a*c*e", "abcd"));
  EXPECT_FALSE(Covers("gpt", "gpt-5"));
}

TEST(RouteMatch, TheFirstThatFitsIsTakenAndWithoutOneEverythingIsEnforced) {
  Policy policy;
  policy.routes.resize(2);
  policy.routes[0].match = {{"model", "gpt-*"}, {"region", "DE"}};
  policy.routes[0].mode = "observe";
  policy.routes[1].match = {{"key", "shop"}};
  policy.routes[1].mode = "pass";
  EXPECT_EQ(RouteFor(policy, {{"model", "gpt-5"}, {"region", "DE"}, {"key", "shop"}}).mode, "observe");
  EXPECT_EQ(RouteFor(policy, {{"model", "gpt-5"}, {"key", "shop"}}).mode, "pass");
  EXPECT_EQ(RouteFor(policy, {{"model", "gpt-5"}}).mode, "enforce");
}

}  // namespace
}  // namespace plumb::policy
