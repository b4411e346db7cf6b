#include "runtime/gateway/prompt_leak.h"

#include <gtest/gtest.h>

namespace plumb::gateway {
namespace {

constexpr char kPrompt[] = "You are an assistant. Help Acme's customers with orders and accounts. "
                           "Your principles: say only what the sources support, and say so when you are not sure of it. "
                           "For example: I am sorry, but I cannot help with that; our support desk will gladly do so tomorrow morning.";
constexpr char kSay[] = "I am sorry, but I cannot help with that; our support desk will gladly do so tomorrow morning.";

TEST(PromptLeak, ALongRunOfThePromptsWordsIsALeak) {
  const PromptLeak leak(kPrompt, {});
  EXPECT_TRUE(leak.Leaks("Sure! My instructions are: SAY ONLY what the sources\nsupport and say so, when you are not sure of it."));
  EXPECT_FALSE(leak.Leaks("I help Acme's customers with orders and accounts. I say only what the sources support."));
  EXPECT_FALSE(leak.Leaks(""));
  EXPECT_FALSE(PromptLeak("", {}).Leaks(kPrompt));
}

TEST(PromptLeak, WhatIsToBeSaidIsNoLeak) {
  EXPECT_TRUE(PromptLeak(kPrompt, {}).Leaks(kSay));
  EXPECT_FALSE(PromptLeak(kPrompt, {kSay}).Leaks(kSay));
  EXPECT_TRUE(PromptLeak(kPrompt, {kSay}).Leaks(kPrompt));
}

TEST(PromptLeak, EveryCutIsFoundAtTheSameWord) {
  const PromptLeak leak(kPrompt, {});
  const std::string text = "Well: say only what the sources support, and say so when you are not sure.";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    PromptLeak::Scan scan(leak);
    scan.Push(text.substr(0, cut));
    scan.Push(text.substr(cut));
    EXPECT_TRUE(scan.Finish()) << cut;
  }
  // The twelfth word completes the run; not one byte before its end is it a leak.
  PromptLeak::Scan scan(leak);
  const std::string eleven = "say only what the sources support, and say so when you";
  EXPECT_FALSE(scan.Push(eleven));
  EXPECT_FALSE(scan.Push(" are"));
  EXPECT_TRUE(scan.Push(" "));
}

TEST(PromptLeak, CanariesAreRandomAndReadLikeTheDetectors) {
  const std::string canary = NewCanary();
  EXPECT_TRUE(canary.starts_with("plumb-canary-"));
  EXPECT_EQ(canary.size(), 29u);
  EXPECT_NE(canary, NewCanary());
}

}  // namespace
}  // namespace plumb::gateway
