// The 16 public failover scenarios.
#include "runtime/provider/failover_fixture_test.h"

namespace plumb::provider {
namespace {

using testing::HasSubstr;

TEST_F(FailoverTest, S01_RateLimitWithRetryAfterOnce) {
  // `Retry-After: 2` is whole seconds on the wire: retry-after-ms says the same, scaled.
  const std::string later = fmt::format("retry-after-ms: {}\r\n", Scaled(2s).count());
  RawVendor a(FirstThen(1, AnswersWith(429, kBusy, later), Healthy("model-a")));
  {
    RawVendor b(Healthy("model-b"));
    OpenBoth(a, b);
    auto answer = Chat();
    ASSERT_TRUE(answer) << answer.error().Text();
    EXPECT_EQ(answer->target, "b:model-b") << "somebody else is free: nobody waits";
    EXPECT_LT(took_, 2s);
  }
  a.SetScript(FirstThen(2, AnswersWith(429, kBusy, later), Healthy("model-a")));
  Open({Target("a", a)});
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_GE(took_, 2s) << "alone it waits as long as asked";
  EXPECT_LT(took_, 20s);
  EXPECT_EQ(attempts_->size(), 2u);
}

TEST_F(FailoverTest, S02_RateLimitForever) {
  RawVendor a(AnswersWith(429, kBusy)), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "b:model-b");
  EXPECT_EQ(a.count(), 2u);
  EXPECT_GE(a.seen()[1].at - a.seen()[0].at, Scaled(250ms)) << "it backs off";
  // Nobody else to go to: few attempts, ever further apart, and the vendor's own error.
  const size_t before = a.count();
  Open({Target("a", a)});
  auto failed = Chat();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kExhausted);
  EXPECT_THAT(failed.error().message, HasSubstr("Rate limit reached"));
  const auto seen = a.seen();
  EXPECT_LE(seen.size() - before, 6u);
  size_t in_3_s = 0;
  for (size_t i = before; i < seen.size(); ++i) in_3_s += seen[i].at - seen[before].at < Scaled(3s);
  EXPECT_LE(in_3_s, 4u);
}

TEST_F(FailoverTest, S03_ServerErrorOnce) {
  RawVendor a(FirstThen(1, AnswersWith(500, kDown), Healthy("model-a"))), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "a:model-a") << "one retry on the same target";
  EXPECT_EQ(a.count(), 2u);
  EXPECT_EQ(b.count(), 0u);
}

TEST_F(FailoverTest, S04_UnavailableForever) {
  RawVendor a(AnswersWith(503, kDown)), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "b:model-b");
  EXPECT_LE(answer->attempts, 6);
  b.SetScript(AnswersWith(503, R"({"error":{"message":"b is down too"}})"));
  auto failed = Chat();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
  EXPECT_THAT(failed.error().message, HasSubstr("The server is overloaded (status 503)")) << "the original error";
  EXPECT_LE(attempts_->size(), 6u);
}

TEST_F(FailoverTest, S05_ResetBeforeHeaders) {
  const RawVendor::Script reset = [](RawTalk& talk) -> net::asio::awaitable<void> {
    talk.Reset();
    co_return;
  };
  RawVendor a(FirstThen(1, reset, Healthy("model-a"))), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto once = Chat();
  ASSERT_TRUE(once) << once.error().Text();
  EXPECT_EQ(once->target, "a:model-a");
  a.SetScript(reset);
  auto always = Chat();
  ASSERT_TRUE(always) << always.error().Text();
  EXPECT_EQ(always->target, "b:model-b");
}

TEST_F(FailoverTest, S06_AcceptsAndNeverAnswers) {
  const RawVendor::Script silent = [](RawTalk& talk) -> net::asio::awaitable<void> { co_await talk.Hang(); };
  RawVendor a(silent), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "b:model-b");
  EXPECT_EQ(a.count(), 1u) << "a silent route is not asked again";
  EXPECT_LT(took_, 100s);
  b.SetScript(silent);
  auto failed = Chat();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kDeadline);
  EXPECT_LT(took_, 110s) << "all of them silent: 100 s in all";
}

TEST_F(FailoverTest, S07_FirstTokenAfter20s) {
  const RawVendor::Script late = [](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    co_await talk.Piece(": still thinking\n\n");
    co_await talk.Wait(Scaled(20s));
    std::string rest = WirePiece("late") + WireFinish() + WireUsage() + WireDone();
    co_await talk.Piece(std::move(rest));
    co_await talk.EndStream();
  };
  RawVendor a(late), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Stream();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "b:model-b") << "the first-token limit goes elsewhere";
  EXPECT_EQ(got_, Whole());
  EXPECT_GE(took_, 15s);
  EXPECT_LT(took_, 20s);
  Open({Target("a", a)});
  auto patient = Stream();
  ASSERT_TRUE(patient) << patient.error().Text();
  EXPECT_EQ(got_, "late") << "with nowhere to go it waits";
}

// 40 of 60 tokens, then a cut.
net::asio::awaitable<void> DieAfter40(RawTalk& talk) {
  co_await talk.BeginStream();
  for (int i = 0; i < 40; ++i) {
    std::string piece = WirePiece(fmt::format("t{} ", i));
    co_await talk.Piece(std::move(piece));
  }
  co_await talk.Wait(10ms);
  talk.Reset();
}

TEST_F(FailoverTest, S08_StreamDiesAfter40Of60Tokens) {
  RawVendor a(DieAfter40), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto released = Stream();
  ASSERT_FALSE(released) << "never a successful truncation";
  EXPECT_EQ(released.error().code, Code::kCorrupt);
  EXPECT_THAT(released.error().message, HasSubstr("part of the answer was passed on"));
  EXPECT_EQ(a.count(), 1u) << "a started stream is never silently repeated";
  EXPECT_EQ(b.count(), 0u);
  auto held = Stream(true);
  ASSERT_TRUE(held) << held.error().Text();
  EXPECT_EQ(held->target, "b:model-b") << "nothing was released: the whole is asked for elsewhere";
  EXPECT_EQ(got_, Whole());
  EXPECT_EQ(held->text, Whole());
}

TEST_F(FailoverTest, S09_StreamSilentFor30s) {
  const RawVendor::Script stalls = [](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    std::string piece = WirePiece("t0 ");
    co_await talk.Piece(std::move(piece));
    co_await talk.Wait(Scaled(35s));
  };
  RawVendor a(FirstThen(2, stalls, Healthy("model-a"))), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto released = Stream();
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().code, Code::kDeadline);
  EXPECT_LT(took_, 45s);
  auto held = Stream(true);
  ASSERT_TRUE(held) << held.error().Text();
  EXPECT_EQ(held->target, "b:model-b");
  EXPECT_LT(took_, 45s);
  auto after = Stream();
  ASSERT_TRUE(after) << "healthy afterwards: " << after.error().Text();
  EXPECT_EQ(got_, Whole());
}

TEST_F(FailoverTest, S10_OneEventIsInvalidJson) {
  const RawVendor::Script garbled = [](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    std::string rest = WirePiece("t0 ") + "data: {\"choices\":[{\"delta\":{\"content\":\"t1 \n\n" + WirePiece("t2 ") + WireFinish() + WireDone();
    co_await talk.Piece(std::move(rest));
    co_await talk.EndStream();
  };
  RawVendor a(garbled), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto released = Stream();
  ASSERT_FALSE(released) << "it fails cleanly";
  EXPECT_EQ(released.error().code, Code::kCorrupt);
  EXPECT_EQ(got_, "t0 ") << "nothing of the broken event, nothing after it";
  auto held = Stream(true);
  ASSERT_TRUE(held) << held.error().Text();
  EXPECT_EQ(got_, Whole());
}

TEST_F(FailoverTest, S11_CompleteStreamWithoutDone) {
  const RawVendor::Script forgets = [](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    std::string rest = WirePiece("t0 ") + WireFinish() + WireUsage(7, 1);
    co_await talk.Piece(std::move(rest));
    co_await talk.Hang();
  };
  RawVendor a(forgets), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Stream();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_LT(took_, 8s);
  EXPECT_EQ(answer->finish_reason, "stop");
  EXPECT_EQ(answer->usage, (Usage{.input_tokens = 7, .output_tokens = 1}));
  EXPECT_EQ(b.count(), 0u);
}

TEST_F(FailoverTest, S12_ContextLengthExceeded) {
  const std::string error = WireError("This model's maximum context length is 8192 tokens.", "context_length_exceeded");
  RawVendor a(AnswersWith(400, error)), b(AnswersWith(400, error)), c(Healthy("model-c"));
  FailoverTarget small = Target("a", a), same = Target("b", b), large = Target("c", c);
  small.context_tokens = same.context_tokens = 8192;
  large.context_tokens = 128'000;
  Open({small, same, large});
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "c:model-c");
  EXPECT_EQ(a.count(), 1u) << "no retry on the same model";
  EXPECT_EQ(b.count(), 0u) << "nor on one that holds no more";
  Open({small, same});
  auto failed = Chat();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kInvalid);
  EXPECT_THAT(failed.error().message, HasSubstr("maximum context length"));
  EXPECT_EQ(attempts_->back().reason, "context_length_exceeded");
}

TEST_F(FailoverTest, S13_ContentPolicyViolation) {
  RawVendor b(Healthy("model-b"));
  for (const char* reason : {"content_policy_violation", "content_filter"}) {
    RawVendor a(AnswersWith(400, WireError("Your request was rejected by our safety system.", reason)));
    OpenBoth(a, b);
    auto refused = Chat();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kInvalid);
    EXPECT_THAT(refused.error().message, HasSubstr("rejected by our safety system"));
    EXPECT_EQ(attempts_->back().reason, reason) << "the reason is passed on";
    EXPECT_EQ(a.count(), 1u) << "no retry";
  }
  // An answer that was filtered is an answer.
  RawVendor filtered([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    std::string rest = WireFinish("content_filter") + WireUsage() + WireDone();
    co_await talk.Piece(std::move(rest));
    co_await talk.EndStream();
  });
  OpenBoth(filtered, b);
  auto answer = Stream();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->finish_reason, "content_filter");
  EXPECT_EQ(b.count(), 0u) << "no routing around";
}

TEST_F(FailoverTest, S14_StreamDiesAndTheFallbackRejectsPrefill) {
  const std::string rejects = WireError("This model does not support assistant message prefill.", "invalid_request_error");
  RawVendor a(DieAfter40), b([rejects](RawTalk& talk) -> net::asio::awaitable<void> {
    const json::object& last = talk.body.at("messages").as_array().back().as_object();
    if (last.at("role").as_string() == "assistant") {
      co_await talk.Json(400, rejects);
    } else {
      co_await AnswerProperly(talk, "model-b");
    }
  });
  OpenBoth(a, b);
  auto restarted = Stream(true);
  ASSERT_TRUE(restarted) << "a clean restart: " << restarted.error().Text();
  EXPECT_EQ(got_, Whole());
  ASSERT_EQ(b.count(), 1u);
  EXPECT_EQ(b.seen()[0].body.at("messages").as_array().size(), 1u) << "no unfinished turn of another model is sent";
  auto released = Stream();
  ASSERT_FALSE(released);
  EXPECT_THAT(released.error().message, Not(HasSubstr("prefill")));
}

TEST_F(FailoverTest, S15_DownFor60sThenHealthy) {
  const auto recovers = Steady::now() + Scaled(60s);
  RawVendor a([recovers](RawTalk& talk) -> net::asio::awaitable<void> {
    if (Steady::now() < recovers) {
      co_await talk.Json(503, kDown);
    } else {
      co_await AnswerProperly(talk, "model-a");
    }
  });
  RawVendor b(Healthy("model-b"));
  OpenBoth(a, b);
  const auto health = failover_->targets()[0].health;
  Steady::time_point closed_again{};
  // 20 requests over 100 s.
  for (int i = 0; i < 20; ++i) {
    auto answer = Chat();
    ASSERT_TRUE(answer) << answer.error().Text();
    if (Steady::now() > recovers && closed_again == Steady::time_point() && answer->target == "a:model-a") closed_again = Steady::now();
    if (closed_again == Steady::time_point()) {
      EXPECT_EQ(answer->target, "b:model-b") << "the fallback serves";
    }
    if (i == 5) {
      EXPECT_NE(health->breaker.state(Steady::now()), Breaker::State::kClosed) << "the circuit is open";
    }
    std::this_thread::sleep_for(Scaled(5s));
  }
  ASSERT_NE(closed_again, Steady::time_point());
  EXPECT_LT((closed_again - recovers) * kScale, 30s) << "the probe closes it soon after recovery";
  EXPECT_EQ(health->breaker.state(Steady::now()), Breaker::State::kClosed);
  EXPECT_LT(a.count(), 5 + 12 + 20u) << "while open it is asked by probes alone";
}

TEST_F(FailoverTest, S16_TheFallbacksModelAndUsage) {
  RawVendor a(AnswersWith(503, kDown)), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto whole = Chat();
  ASSERT_TRUE(whole) << whole.error().Text();
  EXPECT_EQ(whole->model, "model-b");
  EXPECT_EQ(whole->usage, (Usage{.input_tokens = 7, .output_tokens = 60})) << "failed attempts are not billed";
  ASSERT_EQ(attempts_->size(), 3u);
  EXPECT_EQ(attempts_->at(0).outcome, "unavailable");
  EXPECT_EQ(attempts_->at(0).status, 503);
  EXPECT_EQ(attempts_->at(2).outcome, "ok");
  EXPECT_EQ(attempts_->at(2).target, "b:model-b");
  auto stream = Stream();
  ASSERT_TRUE(stream) << stream.error().Text();
  EXPECT_EQ(stream->model, "model-b");
  EXPECT_EQ(stream->usage, (Usage{.input_tokens = 7, .output_tokens = 60}));
}

}  // namespace
}  // namespace plumb::provider
