// The 16 public failover scenarios, with real sockets. One second of a scenario takes 50 ms here (kScale): what the
// vendors do and every time limit of ours are divided by the same 20, so that proportions are the real ones.
#include "runtime/provider/failover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/provider/raw_vendor_test.h"
#include "runtime/provider/route.h"

namespace plumb::provider {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using testing::HasSubstr;

constexpr int kScale = 20;
constexpr Millis Scaled(Millis real) { return real / kScale; }
// How much time of the scenario has passed since `start`.
Millis Unscaled(Steady::time_point start) { return std::chrono::duration_cast<Millis>(Steady::now() - start) * kScale; }

RawVendor::Script Healthy(std::string model) {
  return [model](RawTalk& talk) -> net::asio::awaitable<void> { co_await AnswerProperly(talk, model); };
}
RawVendor::Script Status(int status, std::string text, std::string headers = "") {
  return [=](RawTalk& talk) -> net::asio::awaitable<void> { co_await talk.Json(status, text, headers); };
}
// `fault` for the first `times` requests, then a proper answer.
RawVendor::Script FirstThen(size_t times, RawVendor::Script fault, RawVendor::Script then) {
  return [=](RawTalk& talk) -> net::asio::awaitable<void> {
    const RawVendor::Script& now = talk.number < times ? fault : then;
    co_await now(talk);
  };
}
const std::string kBusy = R"({"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}})";
const std::string kDown = R"({"error":{"message":"The server is overloaded","type":"server_error","code":null}})";

class FailoverTest : public testing::Test {
 protected:
  static ProviderConfig Vendor(const std::string& name, RawVendor& vendor) {
    ProviderConfig config;
    config.name = name;
    config.url = vendor.url();
    config.retry.max_attempts = 1;
    config.timeouts.first_byte = Scaled(60s);
    config.timeouts.idle = Scaled(30s);
    config.timeouts.overall = Scaled(600s);
    config.after_end = Scaled(5s);
    return config;
  }
  FailoverTarget Target(const std::string& name, RawVendor& vendor) {
    OpenOptions options;
    options.executor = io_.executor();
    FailoverTarget target;
    target.name = name + ":model-" + name;
    target.model = "model-" + name;
    target.provider = *OpenProvider(Vendor(name, vendor), options);
    target.health = std::make_shared<TargetHealth>();
    target.health->breaker = Breaker({.window = Scaled(30s), .open = Scaled(10s)});
    return target;
  }
  // The defaults of the product, scaled.
  void Open(std::vector<FailoverTarget> targets) {
    FailoverOptions options;
    options.name = "assistant";
    options.targets = std::move(targets);
    options.wait.first = Scaled(options.wait.first);
    options.wait.longest = Scaled(options.wait.longest);
    options.wait.budget = Scaled(options.wait.budget);
    options.first_token = Scaled(options.first_token);
    options.start_within = Scaled(options.start_within);
    failover_ = std::make_unique<Failover>(io_.executor(), std::move(options));
  }
  void OpenBoth(RawVendor& a, RawVendor& b) { Open({Target("a", a), Target("b", b)}); }

  ChatRequest Question() {
    ChatRequest request;
    request.messages = {{{"role", "user"}, {"content", "Count."}}};
    request.attempts = attempts_ = std::make_shared<std::vector<Attempt>>();
    return request;
  }
  Result<ChatResponse> Chat() {
    start_ = Steady::now();
    auto answer = net::Wait(io_.executor(), failover_->Chat(Question()));
    took_ = Unscaled(start_);
    return answer;
  }
  // `held`: nothing is released before the end, as by a guard that holds everything.
  Result<ChatResponse> Stream(bool held = false) {
    start_ = Steady::now();
    got_.clear();
    ChatRequest request = Question();
    if (held) {
      request.forget = [this] {
        got_.clear();
        return true;
      };
    }
    OnDelta take = [this](const ChatDelta& delta) -> net::asio::awaitable<plumb::Status> {
      got_ += delta.text;
      co_return plumb::Status();
    };
    auto answer = net::Wait(io_.executor(), failover_->ChatStream(std::move(request), take));
    took_ = Unscaled(start_);
    return answer;
  }
  static std::string Whole(int tokens = 60) {
    std::string whole;
    for (int i = 0; i < tokens; ++i) whole += fmt::format("t{} ", i);
    return whole;
  }

  net::IoThread io_;
  std::unique_ptr<Failover> failover_;
  std::shared_ptr<std::vector<Attempt>> attempts_;
  std::string got_;
  Steady::time_point start_;
  Millis took_{0};
};

TEST_F(FailoverTest, S01_RateLimitWithRetryAfterOnce) {
  // `Retry-After: 2` is whole seconds on the wire: retry-after-ms says the same, scaled.
  const std::string later = fmt::format("retry-after-ms: {}\r\n", Scaled(2s).count());
  RawVendor a(FirstThen(1, Status(429, kBusy, later), Healthy("model-a")));
  {
    RawVendor b(Healthy("model-b"));
    OpenBoth(a, b);
    auto answer = Chat();
    ASSERT_TRUE(answer) << answer.error().Text();
    EXPECT_EQ(answer->target, "b:model-b") << "somebody else is free: nobody waits";
    EXPECT_LT(took_, 2s);
  }
  a.SetScript(FirstThen(2, Status(429, kBusy, later), Healthy("model-a")));
  Open({Target("a", a)});
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_GE(took_, 2s) << "alone it waits as long as asked";
  EXPECT_LT(took_, 20s);
  EXPECT_EQ(attempts_->size(), 2u);
}

TEST_F(FailoverTest, S02_RateLimitForever) {
  RawVendor a(Status(429, kBusy)), b(Healthy("model-b"));
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
  RawVendor a(FirstThen(1, Status(500, kDown), Healthy("model-a"))), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "a:model-a") << "one retry on the same target";
  EXPECT_EQ(a.count(), 2u);
  EXPECT_EQ(b.count(), 0u);
}

TEST_F(FailoverTest, S04_UnavailableForever) {
  RawVendor a(Status(503, kDown)), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "b:model-b");
  EXPECT_LE(answer->attempts, 6);
  b.SetScript(Status(503, R"({"error":{"message":"b is down too"}})"));
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
  RawVendor a(Status(400, error)), b(Status(400, error)), c(Healthy("model-c"));
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
    RawVendor a(Status(400, WireError("Your request was rejected by our safety system.", reason)));
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
  RawVendor a(Status(503, kDown)), b(Healthy("model-b"));
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
  a.SetScript(Status(503, kDown));
  b.SetScript(Status(503, kDown));
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "c:model-c");
}

TEST_F(FailoverTest, WithEveryBreakerOpenEveryTargetIsAskedAfterAll) {
  RawVendor a(Status(503, kDown)), b(Status(503, kDown));
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
  RawVendor a(Status(400, WireError("messages must not be empty", "invalid_value"))), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kInvalid);
  EXPECT_EQ(b.count(), 0u);
}

TEST_F(FailoverTest, OurKeyRefusedIsTheTargetsOwnTrouble) {
  RawVendor a(Status(401, WireError("Incorrect API key provided", "invalid_api_key"))), b(Healthy("model-b"));
  OpenBoth(a, b);
  auto answer = Chat();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->target, "b:model-b");
  EXPECT_EQ(a.count(), 1u);
}

}  // namespace
}  // namespace plumb::provider
