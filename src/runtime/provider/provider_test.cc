#include "runtime/provider/provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/net/net.h"
#include "runtime/provider/mock_vendor.h"
#include "runtime/provider/retry.h"
#include "runtime/provider/target.h"

namespace plumb::provider {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr char kKey[] = "sk-very-secret-0123456789";

class ProviderTest : public testing::Test {
 protected:
  Target Open(const std::string& kind, net::Timeouts timeouts = {}) {
    OpenOptions options;
    ProviderConfig config;
    config.name = "mock";
    config.kind = kind;
    config.url = vendor_.url();
    config.key_env = "MOCK_KEY";
    config.timeouts = timeouts;
    config.retry.first = 10ms;
    config.retry.budget = 3s;
    options.providers = {config};
    options.environment = [](const std::string& name) { return name == "MOCK_KEY" ? kKey : ""; };
    auto target = OpenTarget("mock:mock-1", options);
    EXPECT_TRUE(target) << target.error().Text();
    return *target;
  }
  static ChatRequest Ask(std::string text) {
    ChatRequest request;
    request.messages = {{{"role", "system"}, {"content", "Be brief."}}, {{"role", "user"}, {"content", text}}};
    return request;
  }
  static Result<ChatResponse> Chat(const Target& target, ChatRequest request) {
    return net::Wait(target.provider->executor(), target.provider->Chat(request));
  }
  Result<ChatResponse> Stream(const Target& target, ChatRequest request) {
    streamed_.clear();
    OnDelta on_delta = [this](const ChatDelta& delta) -> asio::awaitable<Status> {
      streamed_ += delta.text;
      ++pieces_;
      co_return Status();
    };
    return net::Wait(target.provider->executor(), target.provider->ChatStream(request, on_delta));
  }

  MockVendor vendor_;
  std::string streamed_;
  int pieces_ = 0;
};

TEST_F(ProviderTest, SpeaksOpenAi) {
  const Target target = Open("openai");
  ChatRequest request = Ask("hello there");
  request.temperature = 0.5;
  request.max_tokens = 9;
  request.seed = 3;
  request.stop = {"END"};
  request.extra = {{"logit_bias", json::object{}}};
  auto answer = Chat(target, request);
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->text, "You said: hello there");
  EXPECT_EQ(answer->finish_reason, "stop");
  EXPECT_EQ(answer->usage.output_tokens, 5);
  const auto seen = vendor_.seen().at(0);
  EXPECT_EQ(seen.path, "/v1/chat/completions");
  EXPECT_EQ(seen.authorization, std::string("Bearer ") + kKey);
  EXPECT_EQ(ToJson(seen.body),
            R"({"logit_bias":{},"model":"mock-1","messages":[{"role":"system","content":"Be brief."},)"
            R"({"role":"user","content":"hello there"}],"temperature":5E-1,"max_tokens":9,"seed":3,"stop":["END"]})");
}

TEST_F(ProviderTest, SpeaksAnthropic) {
  const Target target = Open("anthropic");
  ChatRequest request = Ask("hello there");
  request.stop = {"END"};
  auto answer = Chat(target, request);
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->text, "You said: hello there");
  EXPECT_EQ(answer->usage.input_tokens, 7);
  const auto seen = vendor_.seen().at(0);
  EXPECT_EQ(seen.path, "/v1/messages");
  EXPECT_EQ(seen.api_key, kKey);
  EXPECT_EQ(ToJson(seen.body),
            R"({"model":"mock-1","system":"Be brief.","messages":[{"role":"user","content":[{"type":"text","text":)"
            R"("hello there"}]}],"max_tokens":4096,"stop_sequences":["END"]})");
}

TEST_F(ProviderTest, StreamsBothProtocols) {
  for (const char* kind : {"openai", "anthropic"}) {
    const Target target = Open(kind);
    pieces_ = 0;
    auto answer = Stream(target, Ask("one two three"));
    ASSERT_TRUE(answer) << answer.error().Text();
    EXPECT_EQ(streamed_, "You said: one two three");
    EXPECT_EQ(answer->text, streamed_);
    EXPECT_EQ(pieces_, 5);
    EXPECT_EQ(answer->finish_reason, "stop");
    EXPECT_EQ(answer->usage.output_tokens, 5);
  }
}

TEST_F(ProviderTest, RetriesWhatMayBeRetried) {
  const Target target = Open("openai");
  vendor_.Plan({.kind = MockFault::kStatus, .status = 500});
  vendor_.Plan({.kind = MockFault::kReset});
  vendor_.Plan({.kind = MockFault::kStatus, .status = 429, .retry_after = "0"});
  auto answer = Chat(target, Ask("x"));
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(vendor_.seen().size(), 4u);
}

TEST_F(ProviderTest, HonoursRetryAfter) {
  const Target target = Open("openai");
  vendor_.Plan({.kind = MockFault::kStatus, .status = 429, .retry_after = "1"});
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(Chat(target, Ask("x")));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 1s);
  EXPECT_EQ(vendor_.seen().size(), 2u);
}

TEST_F(ProviderTest, GivesUpWithTheVendorsOwnWords) {
  const Target target = Open("openai");
  vendor_.Plan({.kind = MockFault::kStatus, .status = 503}, 20);
  auto answer = Chat(target, Ask("x"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("planted fault (status 503); gave up after 5 attempts"));
  EXPECT_EQ(vendor_.seen().size(), 5u);
}

TEST_F(ProviderTest, WillNotWaitLongerThanItsBudget) {
  const Target target = Open("openai");
  vendor_.Plan({.kind = MockFault::kStatus, .status = 429, .retry_after = "3600"});
  auto answer = Chat(target, Ask("x"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kExhausted);
  EXPECT_EQ(vendor_.seen().size(), 1u);
}

TEST_F(ProviderTest, RefusedRequestsAreNotRepeated) {
  const Target target = Open("openai");
  for (auto [status, code] : {std::pair{400, Code::kInvalid}, {401, Code::kPermission}, {404, Code::kNotFound}}) {
    const size_t before = vendor_.seen().size();
    vendor_.Plan({.kind = MockFault::kStatus, .status = status});
    auto answer = Chat(target, Ask("x"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, code);
    EXPECT_EQ(vendor_.seen().size(), before + 1);
  }
}

TEST_F(ProviderTest, KeysStayOutOfErrors) {
  const Target target = Open("openai");
  vendor_.Plan({.kind = MockFault::kStatus, .status = 401,
                .body = std::string(R"({"error":{"message":"Incorrect API key provided: )") + kKey + R"("}})"});
  auto answer = Chat(target, Ask("x"));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().Text(), testing::Not(HasSubstr(kKey)));
  EXPECT_THAT(answer.error().Text(), HasSubstr("[key]"));
}

TEST_F(ProviderTest, GarbageAndTruncationAreErrorsWhenTheyStay) {
  const Target target = Open("openai");
  for (MockFault::Kind kind : {MockFault::kGarbage, MockFault::kTruncate}) {
    vendor_.Plan({.kind = kind});
    EXPECT_TRUE(Chat(target, Ask("x"))) << "once is asked again";
    vendor_.Plan({.kind = kind}, 2);
    auto answer = Chat(target, Ask("x"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kCorrupt);
  }
}

TEST_F(ProviderTest, TruncatedStreamsAreNeverSuccess) {
  for (const char* kind : {"openai", "anthropic"}) {
    const Target target = Open(kind);
    for (MockFault::Kind fault : {MockFault::kTruncate, MockFault::kGarbage, MockFault::kErrorEvent}) {
      const size_t before = vendor_.seen().size();
      vendor_.Plan({.kind = fault});
      auto answer = Stream(target, Ask("one two three four five six"));
      ASSERT_FALSE(answer) << kind << " " << fault;
      EXPECT_FALSE(streamed_.empty());
      EXPECT_EQ(vendor_.seen().size(), before + 1) << "a started stream is not repeated";
    }
  }
}

TEST_F(ProviderTest, StreamThatForgetsItsEndIsFinishedSoon) {
  const Target target = Open("openai");
  vendor_.Plan({.kind = MockFault::kNoDone});
  const auto start = std::chrono::steady_clock::now();
  auto answer = Stream(target, Ask("one"));
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->usage.output_tokens, 5);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 8s);
}

TEST_F(ProviderTest, SilentVendorIsADeadlineAndNotRetried) {
  net::Timeouts timeouts;
  timeouts.first_byte = 100ms;
  const Target target = Open("openai", timeouts);
  vendor_.Plan({.kind = MockFault::kDelay, .delay = 400ms}, 3);
  auto answer = Chat(target, Ask("x"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kDeadline);
  EXPECT_EQ(vendor_.seen().size(), 1u);
  std::this_thread::sleep_for(400ms);
}

TEST_F(ProviderTest, ChatAllKeepsOrderAndStops) {
  const Target target = Open("openai");
  std::vector<ChatRequest> requests;
  for (int i = 0; i < 50; ++i) requests.push_back(Ask(fmt::format("n{}", i)));
  size_t done = 0;
  OnDone count = [&](size_t, const Result<ChatResponse>&) {
    ++done;
    return true;
  };
  auto answers = ChatAll(*target.provider, requests, 8, count);
  ASSERT_TRUE(answers);
  for (int i = 0; i < 50; ++i) EXPECT_EQ((*answers)[i]->text, fmt::format("You said: n{}", i));
  EXPECT_EQ(done, 50u);
  OnDone stop = [](size_t, const Result<ChatResponse>&) { return false; };
  auto stopped = ChatAll(*target.provider, requests, 2, stop);
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(stopped->front());
  EXPECT_EQ(stopped->back().error().code, Code::kCancelled);
}

TEST_F(ProviderTest, ListsModels) {
  const Target target = Open("openai");
  auto models = net::Wait(target.provider->executor(), target.provider->Models());
  ASSERT_TRUE(models);
  EXPECT_THAT(*models, testing::ElementsAre("mock-1"));
}

TEST(Replay, AnswersById) {
  TempFolder folder;
  const fs::path file = folder.path() / "r.jsonl";
  ASSERT_TRUE(WriteFileAtomic(file, "{\"id\":\"a\",\"output\":\"A\"}\n{\"id\":\"b\",\"error\":\"timeout\"}\n"));
  auto target = OpenTarget("replay:" + file.string(), {});
  ASSERT_TRUE(target) << target.error().Text();
  std::vector<ChatRequest> requests(3);
  requests[0].id = "a";
  requests[1].id = "b";
  requests[2].id = "c";
  auto answers = ChatAll(*target->provider, requests, 4, nullptr);
  ASSERT_TRUE(answers);
  EXPECT_EQ((*answers)[0]->text, "A");
  EXPECT_EQ((*answers)[1].error().code, Code::kUnavailable);
  EXPECT_EQ((*answers)[2].error().code, Code::kNotFound);
  ASSERT_TRUE(WriteFileAtomic(file, "{\"id\":\"a\",\"output\":\"A\"}\n{\"id\":\"a\",\"output\":\"B\"}\n"));
  EXPECT_THAT(OpenTarget("replay:" + file.string(), {}).error().Text(), HasSubstr("id 'a' stands there twice"));
}

TEST(OpenTarget, SaysWhatWouldBeRight) {
  OpenOptions options;
  options.environment = [](const std::string&) { return ""; };
  EXPECT_THAT(OpenTarget("smollm2", options).error().message, HasSubstr("write local:MODEL"));
  EXPECT_THAT(OpenTarget("opena:gpt", options).error().message, HasSubstr("did you mean 'openai'?"));
  EXPECT_THAT(OpenTarget("openai:gpt", options).error().message, HasSubstr("OPENAI_API_KEY"));
  EXPECT_THAT(OpenTarget("local:smollm2+/nowhere", options).error().Text(), HasSubstr("adapter folder does not exist"));
  EXPECT_EQ(OpenTarget("replay:/nowhere.jsonl", options).error().code, Code::kNotFound);
}

TEST(Retry, WaitsGrowWithJitterAndStop) {
  const RetryPolicy policy;
  EXPECT_EQ(*RetryWait(policy, 2, 0ms, {}, 0.0), 250ms);
  EXPECT_EQ(*RetryWait(policy, 2, 0ms, {}, 1.0), 500ms);
  EXPECT_EQ(*RetryWait(policy, 5, 0ms, {}, 1.0), 4000ms);
  EXPECT_FALSE(RetryWait(policy, 6, 0ms, {}, 0.5));
  EXPECT_FALSE(RetryWait(policy, 2, 59'900ms, {}, 1.0));
  EXPECT_EQ(*RetryWait(policy, 2, 0ms, 2000ms, 0.0), 2000ms);
}

TEST(Retry, ReadsRetryAfter) {
  const Time now = *ParseTime("2026-11-21T09:30:00Z");
  EXPECT_EQ(*ParseRetryAfter("2", "", now), 2000ms);
  EXPECT_EQ(*ParseRetryAfter("2", "150", now), 150ms);
  EXPECT_EQ(*ParseRetryAfter("Sat, 21 Nov 2026 09:30:05 GMT", "", now), 5000ms);
  EXPECT_FALSE(ParseRetryAfter("soon", "", now));
  EXPECT_FALSE(ParseRetryAfter("", "", now));
}

TEST(Messages, SystemIsJoined) {
  const json::array messages = {{{"role", "system"}, {"content", "B"}}, {{"role", "user"}, {"content", "hi"}}};
  EXPECT_EQ(ToJson(WithSystem(messages, "A")),
            R"([{"role":"system","content":"A\n\nB"},{"role":"user","content":"hi"}])");
}

}  // namespace
}  // namespace plumb::provider
