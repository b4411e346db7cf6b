#include "runtime/gateway/scope.h"

#include <gtest/gtest.h>

namespace plumb::gateway {
namespace {

ScopeExamples Shop() {
  auto policy = policy::ParsePolicy("policy: p\nversion: 1\nowner: o\npurpose: Help.\nprinciples: [{id: honest, text: Be honest.}]\n"
                                    "scope: {in: ['Where is my parcel?', 'Write me a receipt.'], out: ['Write my essay.', 'Who will win the election?'], say: No.}\n"
                                    "categories: [{id: a, about: A., on: {input: refuse}}]\n", "p.yaml", ".");
  EXPECT_TRUE(policy) << policy.error().Text();
  return ScopeExamples(*policy);
}

TEST(Scope, WhatSaysNearlyTheSameAsAnOutExampleIsOutside) {
  const ScopeExamples scope = Shop();
  EXPECT_TRUE(scope.Outside("Write my essay"));
  EXPECT_TRUE(scope.Outside("write my essay please!"));
  EXPECT_TRUE(scope.Outside("So who will win the election?"));
}

TEST(Scope, WhatOnlySoundsLikeOneIsNot) {
  const ScopeExamples scope = Shop();
  EXPECT_FALSE(scope.Outside("Where is my parcel?"));
  EXPECT_FALSE(scope.Outside("Write me a receipt."));
  EXPECT_FALSE(scope.Outside("Please write to my neighbour that the essay paper I ordered is in my parcel."));
  EXPECT_FALSE(scope.Outside(""));
  EXPECT_FALSE(ScopeExamples().Outside("Write my essay."));
}

}  // namespace
}  // namespace plumb::gateway
