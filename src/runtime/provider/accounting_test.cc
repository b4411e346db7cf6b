// Breakers, budgets, the answer cache, prices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/net/net.h"
#include "runtime/provider/breaker.h"
#include "runtime/provider/cache.h"
#include "runtime/provider/cost.h"
#include "runtime/provider/failure.h"

namespace plumb::provider {
namespace {

using namespace std::chrono_literals;

TEST(Breaker, OpensAfterFailuresInARowAndClosesByOneProbe) {
  Breaker breaker;
  SteadyTime now{};
  for (int i = 0; i < 4; ++i) breaker.Failed(now);
  EXPECT_TRUE(breaker.Admit(now));
  breaker.Failed(now);
  EXPECT_EQ(breaker.state(now), Breaker::State::kOpen);
  EXPECT_FALSE(breaker.Admit(now + 9s));
  EXPECT_TRUE(breaker.Admit(now + 10s)) << "the probe";
  EXPECT_FALSE(breaker.Admit(now + 10s)) << "one at a time";
  breaker.Failed(now + 11s);
  EXPECT_FALSE(breaker.Admit(now + 20s)) << "the wait began anew";
  EXPECT_TRUE(breaker.Admit(now + 21s));
  breaker.Abandoned();
  EXPECT_TRUE(breaker.Admit(now + 21s)) << "a probe that told nothing is given back";
  breaker.Succeeded(now + 22s);
  EXPECT_EQ(breaker.state(now + 22s), Breaker::State::kClosed);
  EXPECT_EQ(breaker.opened(), 2);
}

TEST(Breaker, OpensAtHalfOfEnough) {
  Breaker breaker;
  SteadyTime now{};
  for (int i = 0; i < 5; ++i) {
    breaker.Succeeded(now);
    EXPECT_EQ(breaker.state(now), Breaker::State::kClosed);
    breaker.Failed(now);
  }
  EXPECT_EQ(breaker.state(now), Breaker::State::kOpen);
  Breaker slow;
  for (int i = 0; i < 20; ++i) {
    slow.Succeeded(now + i * 10s);
    slow.Failed(now + i * 10s);
  }
  EXPECT_EQ(slow.state(now + 200s), Breaker::State::kClosed) << "too few at a time";
}

TEST(RetryBudget, ATenthOfAllRequests) {
  RetryBudget budget;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.Take());
  EXPECT_FALSE(budget.Take());
  int retries = 0;
  for (int i = 0; i < 1000; ++i) {
    budget.CountRequest();
    retries += budget.Take();
  }
  EXPECT_NEAR(retries, 100, 2);
}

TEST(Failure, IsReadFromStatusAndTheVendorsWord) {
  const auto meaning = [](int status, std::string body) {
    std::string reason;
    const Error error = VendorError(status, body, "", reason);
    return MeaningOf(status, reason, error);
  };
  const auto openai = [](std::string message, std::string code) {
    return ToJson(json::value{{"error", {{"message", message}, {"code", code}}}});
  };
  EXPECT_EQ(meaning(429, openai("You exceeded your current quota", "insufficient_quota")), Meaning::kTarget);
  EXPECT_EQ(meaning(429, openai("Slow down", "rate_limit_exceeded")), Meaning::kBusy);
  EXPECT_EQ(meaning(400, openai("flagged as potentially violating our usage policy", "invalid_prompt")), Meaning::kBlocked);
  EXPECT_EQ(meaning(400, R"({"error":{"message":"…","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}})"),
            Meaning::kBlocked);
  EXPECT_EQ(meaning(400, R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}})"),
            Meaning::kTooLong);
  EXPECT_EQ(meaning(529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"), Meaning::kPassing);
  EXPECT_EQ(meaning(422, R"({"message":{"detail":[{"type":"extra_forbidden","loc":["body","store"]}]},"type":"invalid_request_error"})"),
            Meaning::kRefused);
  EXPECT_EQ(meaning(404, R"({"error":"model 'x' not found"})"), Meaning::kTarget);
  EXPECT_EQ(meaning(504, "<html>"), Meaning::kSilent);
}

// MOCK: answers what it is told, and counts.
class Echo final : public Provider {
 public:
  explicit Echo(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  const std::string& name() const override { return name_; }
  asio::any_io_executor executor() const override { return executor_; }
  asio::awaitable<Result<ChatResponse>> Chat(ChatRequest) override {
    ++asked;
    ChatResponse response;
    response.text = fmt::format("answer {}", asked);
    response.finish_reason = finish;
    response.usage.output_tokens = 3;
    co_return response;
  }
  asio::awaitable<Result<ChatResponse>> ChatStream(ChatRequest request, OnDelta on_delta) override {
    PLUMB_CO_TRY(ChatResponse whole, co_await Chat(std::move(request)));
    PLUMB_CO_CHECK(co_await HandOnWhole(whole, on_delta));
    co_return whole;
  }
  int asked = 0;
  std::string finish = "stop";

 private:
  asio::any_io_executor executor_;
  std::string name_ = "echo";
};

class CacheTest : public testing::Test {
 protected:
  CacheTest()
      : echo_(std::make_shared<Echo>(io_.executor())),
        cached_(echo_, {.ttl = 60s, .max_bytes = 4000}, "policy-1", [this] { return now_; }) {}
  ChatRequest Question(std::string text = "Hello") {
    ChatRequest request;
    request.model = "m";
    request.messages = {{{"role", "user"}, {"content", text}}};
    request.scope = "shop";
    return request;
  }
  ChatResponse Ask(ChatRequest request, bool keep = true) {
    auto answer = net::Wait(io_.executor(), cached_.Chat(std::move(request)));
    if (keep && answer->keep) answer->keep();
    return *answer;
  }

  net::IoThread io_;
  std::chrono::steady_clock::time_point now_{};
  std::shared_ptr<Echo> echo_;
  CachedProvider cached_;
};

TEST_F(CacheTest, AnswersTheSameRequestAgain) {
  EXPECT_FALSE(Ask(Question()).cached);
  const ChatResponse again = Ask(Question());
  EXPECT_TRUE(again.cached);
  EXPECT_EQ(again.text, "answer 1");
  std::string streamed;
  OnDelta take = [&](const ChatDelta& delta) -> asio::awaitable<Status> {
    streamed += delta.text;
    co_return Status();
  };
  auto stream = net::Wait(io_.executor(), cached_.ChatStream(Question(), take));
  EXPECT_TRUE(stream->cached) << "streamed or not is the same question";
  EXPECT_EQ(streamed, "answer 1");
  EXPECT_EQ(echo_->asked, 1);
}

TEST_F(CacheTest, AnotherRequestScopeOrPolicyIsAskedForItself) {
  Ask(Question());
  ChatRequest warmer = Question();
  warmer.temperature = 0.9;
  EXPECT_FALSE(Ask(warmer).cached);
  ChatRequest tools = Question();
  tools.extra = {{"tool_choice", "none"}};
  EXPECT_FALSE(Ask(tools).cached);
  ChatRequest other = Question();
  other.scope = "another key";
  EXPECT_FALSE(Ask(other).cached);
  ChatRequest fresh = Question();
  fresh.fresh = true;
  EXPECT_FALSE(Ask(fresh).cached);
  EXPECT_NE(*CacheKey(Question(), "policy-1"), *CacheKey(Question(), "policy-2"));
}

TEST_F(CacheTest, KeepsOnlyWhatPassedAndIsWhole) {
  Ask(Question(), false);
  EXPECT_FALSE(Ask(Question(), false).cached) << "nobody said that it passed the guard";
  for (const char* finish : {"length", "content_filter"}) {
    echo_->finish = finish;
    EXPECT_FALSE(Ask(Question()).keep) << finish;
    EXPECT_FALSE(Ask(Question()).cached) << finish;
  }
}

TEST_F(CacheTest, IsBoundedInTimeAndBytes) {
  Ask(Question());
  now_ += 61s;
  EXPECT_FALSE(Ask(Question()).cached);
  for (int i = 0; i < 20; ++i) Ask(Question(std::to_string(i)));
  EXPECT_LE(cached_.cache().bytes(), 4000u);
  EXPECT_TRUE(Ask(Question("19")).cached);
  EXPECT_FALSE(Ask(Question("0")).cached) << "the least recently used went first";
}

TEST(Cost, CountsByTheVendorsOwnFigures) {
  Price mini{.model = "gpt-5-mini*", .input = PerToken(0.25), .output = PerToken(2), .cached_input = PerToken(0.025)};
  Price claude{.model = "anthropic:claude-x", .input = PerToken(3), .output = PerToken(15), .cached_input = PerToken(0.3), .cache_write = PerToken(3.75)};
  const PriceList prices({mini, claude});
  // 1000 input of which 400 cached, 200 output: 600 × 0.25 + 400 × 0.025 + 200 × 2 dollars per million.
  const Usage usage{.input_tokens = 1000, .output_tokens = 200, .cached_input_tokens = 400};
  EXPECT_EQ(prices.Cost("openai:gpt-5-mini", "", usage), Picodollars{560'000'000});
  EXPECT_EQ(DollarText(560'000'000), "0.00056");
  // Anthropic: 5 plain, 100 written, 2000 read, 3 out.
  const Usage cached{.input_tokens = 2105, .output_tokens = 3, .cached_input_tokens = 2000, .cache_creation_input_tokens = 100};
  EXPECT_EQ(DollarText(*prices.Cost("anthropic:claude-x", "", cached)), "0.001035");
  EXPECT_EQ(prices.Cost("assistant", "gpt-5-mini-2026-08-07", usage), Picodollars{560'000'000}) << "by who answered";
  EXPECT_FALSE(prices.Cost("openai:gpt-6", "", usage)) << "unknown is not free";
  ChatResponse hit;
  hit.cached = true;
  EXPECT_EQ(prices.Cost("openai:gpt-6", hit), 0);
}

TEST(Cost, TheMostExactEntryCounts) {
  const PriceList prices({{.model = "*", .input = 1}, {.model = "gpt-*", .input = 2}, {.model = "gpt-5", .input = 3}, {.model = "corp:gpt-5", .input = 4}});
  EXPECT_EQ(prices.Find("x:y", "")->input, 1);
  EXPECT_EQ(prices.Find("openai:gpt-4o", "")->input, 2);
  EXPECT_EQ(prices.Find("openai:gpt-5", "")->input, 3);
  EXPECT_EQ(prices.Find("corp:gpt-5", "")->input, 4);
}

}  // namespace
}  // namespace plumb::provider
