// Who is asked, who stands by, and what is nobody else's to answer.
#include "runtime/provider/failover_fixture_test.h"

namespace plumb::provider {
namespace {

TEST_F(FailoverTest, TheAskersOwnStopIsNotRoutedAround) {
  RawVendor a(Healthy("model-a")), b(Healthy("model-b"));
  OpenBoth(a, b);
  OnDelta stop = [](const ChatDelta&) -> net::asio::awaitable<plumb::Status> {
    co_return Fail(Code::kUnavailable, "blocked by the guard");
  };
  ChatRequest request = Question();
  request.forget = [] { return true; };
  auto answer = net::Wait(io_.executor(), failover_->ChatStream(std::move(request), stop));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "blocked by the guard");
  EXPECT_EQ(a.count() + b.count(), 1u);
}

TEST_F(FailoverTest, WhenTheCallerLeavesTheVendorsConnectionCloses) {
  RawVendor a([](RawTalk& talk) -> net::asio::awaitable<void> { co_await talk.Hang(); }), b(Healthy("model-b"));
  OpenBoth(a, b);
  ChatRequest request = Question();
  std::atomic<int> looks = 0;
  request.gone = [&looks] { return ++looks > 2; };
  auto answer = net::Wait(io_.executor(), failover_->Chat(std::move(request)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kCancelled);
  EXPECT_EQ(b.count(), 0u) << "and nobody else is asked";
  for (int i = 0; i < 100 && a.open() > 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(a.open(), 0u);
}

TEST_F(FailoverTest, WeightsAreKeptAndTheOthersStandBy) {
  RawVendor a(Healthy("model-a")), b(Healthy("model-b")), c(Healthy("model-c"));
  FailoverTarget three = Target("a", a), one = Target("b", b), spare = Target("c", c);
  three.weight = 3;
  one.weight = 1;
  Open({spare, three, one});
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Chat());
  EXPECT_EQ(c.count(), 0u) << "no weight: only where the others fail";
  EXPECT_NEAR(static_cast<double>(a.count()), 150, 35);
  a.SetScript(AnswersWith(503, kDown));
  b.SetScript(AnswersWith(503, kDown));
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "c:model-c");
}

TEST_F(FailoverTest, WithEveryBreakerOpenEveryTargetIsAskedAfterAll) {
  RawVendor a(AnswersWith(503, kDown)), b(AnswersWith(503, kDown));
  OpenBoth(a, b);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(Chat());
  for (const FailoverTarget& target : failover_->targets()) {
    EXPECT_EQ(target.health->breaker.state(Steady::now()), Breaker::State::kOpen);
  }
  b.SetScript(Healthy("model-b"));
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "b:model-b");
}

TEST_F(FailoverTest, AWrongRequestIsWrongEverywhere) {
  RawVendor a(AnswersWith(400, WireError("messages must not be empty", "invalid_value"))), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kInvalid);
  EXPECT_EQ(b.count(), 0u);
}

TEST_F(FailoverTest, OurKeyRefusedIsTheTargetsOwnTrouble) {
  RawVendor a(AnswersWith(401, WireError("Incorrect API key provided", "invalid_api_key"))), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "b:model-b");
  EXPECT_EQ(a.count(), 1u);
}

}  // namespace
}  // namespace plumb::provider
