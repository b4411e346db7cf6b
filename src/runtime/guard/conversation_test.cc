#include "runtime/guard/conversation.h"

#include <gtest/gtest.h>

#include "runtime/guard/test_policy.h"

namespace plumb::guard {
namespace {

class TestConversation : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    temp_ = new TempFolder;
    const policy::Policy policy = TestPolicy(temp_->path());
    // Patterns alone: what a turn completes is then beyond doubt.
    guard_ = new Guard(std::move(*Guard::PatternsOnly(policy, {})));
  }
  static void TearDownTestSuite() {
    delete guard_;
    delete temp_;
  }
  static TempFolder* temp_;
  static Guard* guard_;
};
TempFolder* TestConversation::temp_;
Guard* TestConversation::guard_;

TEST_F(TestConversation, WhatATurnCompletesIsStopped) {
  Conversation conversation(*guard_);
  EXPECT_EQ(conversation.Next("my card begins 4111 1111").action, Action::kAllow);
  const Verdict verdict = conversation.Next("1111 1111 is the rest");
  EXPECT_NE(verdict.action, Action::kAllow);
  EXPECT_EQ(verdict.clause, "secrets");
  ASSERT_EQ(verdict.categories.at("secrets").spans.size(), 1u);
  EXPECT_EQ(verdict.categories.at("secrets").spans[0], (Span{0, 9})) << "what of the evidence lies in the turn";
}

TEST_F(TestConversation, OneBadTurnCondemnsNoLaterOne) {
  Conversation conversation(*guard_);
  EXPECT_NE(conversation.Next("my card is 4111 1111 1111 1111").action, Action::kAllow);
  EXPECT_EQ(conversation.Next("what is the weather like?").action, Action::kAllow);
  EXPECT_EQ(conversation.Next("my card begins 4111 1111").action, Action::kAllow);
  EXPECT_NE(conversation.Next("1111 1111").action, Action::kAllow);
  EXPECT_EQ(conversation.Next("and how do I bake bread?").action, Action::kAllow) << "what was completed is forgotten";
}

TEST_F(TestConversation, OnlySoMuchIsRemembered) {
  Conversation conversation(*guard_, {.turns = 2});
  conversation.Next("my card begins 4111 1111");
  conversation.Next("let us talk");
  conversation.Next("of other things");
  EXPECT_EQ(conversation.Next("1111 1111").action, Action::kAllow);
  Conversation narrow(*guard_, {.bytes = 20});
  narrow.Next("4111 1111 and very much more text than fits");
  EXPECT_EQ(narrow.Next("1111 1111").action, Action::kAllow);
  EXPECT_EQ(narrow.Next(std::string(100, 'x')).action, Action::kAllow);
}

}  // namespace
}  // namespace plumb::guard
