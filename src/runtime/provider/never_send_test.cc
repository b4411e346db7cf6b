#include "runtime/provider/never_send.h"

#include <gtest/gtest.h>

namespace plumb::provider {
namespace {

OpenOptions Configured() {
  OpenOptions options;
  options.providers = {{.name = "trick", .url = "https://127.0.0.1.example/v1"},
                       {.name = "mine", .url = "http://127.0.0.1:8000/v1"},
                       {.name = "alias", .url = "https://api.openai.com/v1"},
                       {.name = "far", .url = "https://models.example/v1"}};
  return options;
}

bool May(const std::vector<std::string>& rules, const char* target) {
  const Status status = MaySend(rules, target, Configured());
  if (!status) {
    EXPECT_EQ(status.error().code, Code::kPermission);
  }
  return status.has_value();
}

TEST(MaySend, WithoutRulesAnything) { EXPECT_TRUE(May({}, "openai:gpt-5-mini")); }

TEST(MaySend, ByName) {
  EXPECT_FALSE(May({"openai:*"}, "openai:gpt-5-mini"));
  EXPECT_FALSE(May({"anthropic:*", "OpenAI:gpt*"}, "openai:gpt-5-mini"));
  EXPECT_TRUE(May({"openai:*"}, "anthropic:claude-sonnet-5"));
  EXPECT_TRUE(May({"openai:*"}, "local:smollm2"));
  EXPECT_FALSE(May({"*"}, "local:smollm2"));
}

TEST(MaySend, AnotherNameIsNoWayRound) {
  EXPECT_FALSE(May({"openai:*"}, "alias:gpt-5-mini"));
  EXPECT_FALSE(May({"api.openai.com"}, "alias:gpt-5-mini"));
  EXPECT_FALSE(May({"*.example"}, "far:m"));
  EXPECT_TRUE(May({"openai:*"}, "far:m"));
}

TEST(MaySend, WhatIsNotHereIsRemote) {
  EXPECT_FALSE(May({"remote"}, "openai:gpt-5-mini"));
  EXPECT_FALSE(May({"remote"}, "far:m"));
  EXPECT_FALSE(May({"remote"}, "trick:m"));
  EXPECT_FALSE(May({"remote"}, "unknown:m"));
  EXPECT_TRUE(May({"remote"}, "mine:m"));
  EXPECT_TRUE(May({"remote"}, "local:smollm2"));
}

TEST(MaySend, AGatewayMayHandOnToAnyone) { EXPECT_FALSE(May({"openai:*"}, "gateway:default")); }

}  // namespace
}  // namespace plumb::provider
