// Routes of the mode `pass`: what goes through word for word, and what is refused because it could not.
#include <gmock/gmock.h>

#include "runtime/gateway/gateway_fixture_test.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;

constexpr char kPassPolicy[] = R"(
policy: open
version: 1
owner: o@example.org
purpose: Help.
principles: [{id: honest, text: Be honest.}]
categories:
  - id: cards
    about: Payment card numbers.
    detect: [payment-card]
    on: {input: refuse, output: redact}
    say: Please do not send card numbers.
routes:
  - match: {model: "guarded"}
  - match: {}
    mode: pass
)";

class PassTest : public GatewayTest {
 protected:
  void Configure(GatewayOptions& options) override {
    options.policy = *policy::ParsePolicy(kPassPolicy, "policy.yaml", folder_.path());
    options.models = {{"mock-1", "vendor:mock-1"}, {"renamed", "vendor:mock-1"}, {"guarded", "vendor:mock-1"}, {"claude", "claude:claude-1"}};
    ModelRoute two{.name = "two", .target = "vendor:mock-1"};
    two.targets = {{.target = "vendor:mock-1"}, {.target = "vendor:mock-2"}};
    options.models.push_back(two);
  }
  uint64_t Recorded() {
    auto ledger = ledger::Ledger::Open(folder_.path() / "ledger.db", {.read_only = true});
    return ledger ? (*ledger)->List({.kind = "exchange"})->size() : 99;
  }
};

TEST_F(PassTest, TheRequestAndTheAnswerGoThroughAndNothingIsRecorded) {
  const net::ClientResponse answer = Chat(std::string("My card is ") + kCard, "mock-1");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(Content(Json(answer)), HasSubstr(kCard));
  EXPECT_FALSE(answer.headers.Get("x-plumb-exchange").empty());
  EXPECT_TRUE(answer.headers.Get("x-plumb-receipt").empty());
  const auto seen = vendor_.seen().back();
  EXPECT_EQ(seen.body.at("model"), "mock-1");
  EXPECT_EQ(seen.body.at("stream"), false) << "sent as it came";
  EXPECT_EQ(Recorded(), 0u);
  const std::string metrics = Send("GET", "/metrics", "", {{"authorization", ""}}).body;
  EXPECT_THAT(metrics, HasSubstr(R"(plumb_exchanges_total{action="allow",mode="pass",status="ok"} 1)"));
}

TEST_F(PassTest, TheModelIsNamedAsItsProviderNamesIt) {
  EXPECT_EQ(Chat("Hello", "renamed").status, 200);
  EXPECT_EQ(vendor_.seen().back().body.at("model"), "mock-1");
}

TEST_F(PassTest, StreamsGoThrough) {
  const net::ClientResponse answer = Chat("one two three", "mock-1", true);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers.Get("content-type"), HasSubstr("text/event-stream"));
  const Streamed read = Read(answer.body);
  EXPECT_TRUE(read.done);
  EXPECT_EQ(read.text, "You said: one two three");
  EXPECT_EQ(answer.body.find("plumb"), std::string::npos) << "nothing is put in";
}

TEST_F(PassTest, OtherRoutesStayGuarded) {
  const json::object answer = Json(Chat(std::string("My card is ") + kCard, "guarded"));
  EXPECT_EQ(Content(answer), "Please do not send card numbers.");
  EXPECT_EQ(Recorded(), 1u);
}

TEST_F(PassTest, WhatCannotGoThroughIsRefused) {
  const size_t before = vendor_.seen().size();
  for (const std::string& body : {std::string(R"({"model":"mock-1","model":"mock-1","messages":[{"role":"user","content":"x"}]})"),
                                  std::string(R"({"model":"mock\u002d1","messages":[{"role":"user","content":"x"}]})"),
                                  std::string(R"({"model":"two","messages":[{"role":"user","content":"x"}]})"),
                                  std::string(R"({"model":"claude","messages":[{"role":"user","content":"x"}]})"),
                                  std::string(R"({"messages":[{"role":"user","content":"x"}]})")}) {
    const net::ClientResponse answer = Send("POST", "/v1/chat/completions", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(answer.body, HasSubstr("passes requests on")) << body;
  }
  EXPECT_EQ(Send("POST", "/v1/chat/completions", "{").status, 400);
  EXPECT_EQ(Send("POST", "/v1/chat/completions", R"({"model":"mock-1","messages":[]})", {{"authorization", "Bearer plumb-wrong"}}).status, 401);
  EXPECT_EQ(vendor_.seen().size(), before) << "none of it reached the vendor";
}

TEST_F(PassTest, AnthropicsApiBeforeAnthropic) {
  const net::ClientResponse answer =
      Send("POST", "/v1/messages", R"({"model":"claude","max_tokens":9,"messages":[{"role":"user","content":"Hello"}],"metadata":{"user_id":"u"}})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(vendor_.seen().back().body.at("metadata").at("user_id"), "u");
}

TEST_F(PassTest, TheVendorsOwnErrorsAreThoseItGives) {
  vendor_.Plan({.kind = provider::MockFault::kStatus, .status = 429, .retry_after = "7", .body = R"({"error":{"message":"slow down"}})"});
  net::ClientResponse answer = Chat("Hello", "mock-1");
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.headers.Get("retry-after"), "7");
  EXPECT_EQ(answer.body, R"({"error":{"message":"slow down"}})");
  vendor_.Plan({.kind = provider::MockFault::kStatus, .status = 401});
  EXPECT_EQ(Chat("Hello", "mock-1").status, 502) << "our key, not the caller's";
}

TEST_F(PassTest, AnAnswerThatIsCutOffIsNotPassedForWhole) {
  for (const char* stream : {"false", "true"}) {
    vendor_.Plan({.kind = provider::MockFault::kTruncate});
    net::ClientRequest request;
    request.method = "POST";
    request.url = *net::ParseUrl(gateway_->url() + "/v1/chat/completions");
    request.headers.Set("authorization", "Bearer " + key_);
    request.body = fmt::format(R"({{"model":"mock-1","stream":{},"messages":[{{"role":"user","content":"one two three four"}}]}})", stream);
    auto answer = net::Wait(io_.executor(), client_.Fetch(request));
    EXPECT_TRUE(!answer || answer->status == 502) << answer->body;
  }
}

}  // namespace
}  // namespace plumb::gateway
