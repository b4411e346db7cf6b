// One name, several vendors, seen by an application through the gateway: real sockets on both sides.
#include <gmock/gmock.h>

#include "runtime/gateway/gateway_fixture_test.h"
#include "runtime/provider/raw_vendor_test.h"

namespace plumb::gateway {
namespace {

using provider::RawTalk;
using provider::RawVendor;
using provider::WireAnswer;
using provider::WireDone;
using provider::WireFinish;
using provider::WirePiece;
using provider::WireUsage;
using testing::HasSubstr;

RawVendor::Script Healthy(std::string model) {
  return [model](RawTalk& talk) -> asio::awaitable<void> { co_await AnswerProperly(talk, model, 3); };
}
RawVendor::Script Down() {
  return [](RawTalk& talk) -> asio::awaitable<void> { co_await talk.Json(503, R"({"error":{"message":"down"}})"); };
}
// `text`, then a cut.
RawVendor::Script Breaks(std::string text) {
  return [text](RawTalk& talk) -> asio::awaitable<void> {
    co_await talk.BeginStream();
    std::string piece = WirePiece(text);
    co_await talk.Piece(std::move(piece));
    co_await talk.Wait(50ms);
    talk.Reset();
  };
}

class VendorGatewayTest : public GatewayTest {
 protected:
  VendorGatewayTest() : a_(Healthy("model-a-2026")), b_(Healthy("model-b-2026")) {}

  // Names over two vendors, in place of the fixture's one.
  void Configure(GatewayOptions& options) override {
    provider::ProviderConfig a, b;
    a.name = "a";
    a.url = a_.url();
    b.name = "b";
    b.url = b_.url();
    options.providers = {a, b};
    ModelRoute both{.name = "both", .target = "a:model-a"};
    both.targets = {{.target = "a:model-a"}, {.target = "b:model-b"}};
    ModelRoute kept{.name = "kept", .target = "a:model-a"};
    kept.cache = provider::CachePolicy();
    options.models = {both, kept};
    options.prices = {{.model = "model-b*", .input = provider::PerToken(1), .output = provider::PerToken(2)}};
  }

  // What comes before the connection is cut.
  std::string StreamToTheCut(const std::string& text) {
    net::ClientRequest request;
    request.method = "POST";
    request.url = *net::ParseUrl(gateway_->url() + "/v1/chat/completions");
    request.headers.Set("authorization", "Bearer " + key_);
    const json::array messages = {json::object{{"role", "user"}, {"content", text}}};
    request.body = ToJson(json::object{{"model", "both"}, {"stream", true}, {"messages", messages}});
    return net::Wait(io_.executor(), [](net::Client* client, net::ClientRequest request) -> asio::awaitable<std::string> {
      std::string all;
      auto download = co_await client->Open(std::move(request));
      while (download) {
        auto piece = co_await download->Next();
        if (!piece || piece->empty()) break;
        all += *piece;
      }
      co_return all;
    }(&client_, std::move(request)));
  }

  RawVendor a_, b_;
};

TEST_F(VendorGatewayTest, TheCallerSeesWhoAnswered) {
  a_.SetScript(Down());
  const auto response = Chat("hello", "both");
  ASSERT_EQ(response.status, 200) << response.body;
  const json::object answer = Json(response);
  EXPECT_EQ(answer.at("model").as_string(), "model-b-2026");
  EXPECT_EQ(answer.at("usage").at("completion_tokens").to_number<int>(), 3);
  EXPECT_EQ(response.headers.Get("x-plumb-target"), "b:model-b");
  const json::object row = Newest();
  EXPECT_EQ(row.at("target").as_string(), "b:model-b");
  EXPECT_EQ(row.at("provider").as_string(), "b");
  EXPECT_EQ(row.at("attempts").as_array().size(), 3u) << "two failed, one answered";
  EXPECT_NEAR(row.at("cost_usd").to_number<double>(), (7 * 1 + 3 * 2) / 1e6, 1e-12) << "failed attempts are not billed";
}

TEST_F(VendorGatewayTest, AStreamSaysItTooBeforeItsFirstByte) {
  a_.SetScript(Down());
  const auto response = Chat("hello", "both", true);
  EXPECT_EQ(response.headers.Get("x-plumb-target"), "b:model-b");
  EXPECT_THAT(response.body, HasSubstr("\"model\":\"model-b-2026\""));
  EXPECT_THAT(response.body, Not(HasSubstr("\"model\":\"both\"")));
  EXPECT_EQ(Read(response.body).text, "t0 t1 t2 ");
}

TEST_F(VendorGatewayTest, ABrokenStreamThatIsStillHeldIsAskedForElsewhere) {
  a_.SetScript(Breaks("4111 "));  // what could become a card number is held
  const auto held = Read(Chat("hello", "both", true).body);
  EXPECT_EQ(held.text, "t0 t1 t2 ");
  EXPECT_TRUE(held.done);
  a_.SetScript(Breaks("A long sentence that nothing could make a card number of. And another one of that kind, long enough. "));
  const auto released = Read(StreamToTheCut("hello again"));
  EXPECT_NE(released.text, "");
  EXPECT_FALSE(released.done) << "what was shown is never called whole";
  EXPECT_THAT(released.error, HasSubstr("not asked for again"));
  EXPECT_EQ(b_.count(), 1u);
}

TEST_F(VendorGatewayTest, AVendorsPolicyIsNotRoutedAround) {
  a_.SetScript([](RawTalk& talk) -> asio::awaitable<void> {
    std::string body = provider::WireError("Rejected by our safety system.", "content_policy_violation");
    co_await talk.Json(400, std::move(body));
  });
  const auto response = Chat("hello", "both");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("content_policy_violation"));
  EXPECT_EQ(b_.count(), 0u);
}

TEST_F(VendorGatewayTest, OurOwnBlockIsNotRoutedAround) {
  a_.SetScript([](RawTalk& talk) -> asio::awaitable<void> {
    co_await talk.BeginStream();
    std::string all = WirePiece("The key is SECRET-1234 and more.") + WireFinish() + WireUsage() + WireDone();
    co_await talk.Piece(std::move(all));
    co_await talk.EndStream();
  });
  const auto streamed = Read(Chat("hello", "both", true).body);
  EXPECT_EQ(streamed.finish, "content_filter");
  EXPECT_EQ(a_.count(), 1u);
  EXPECT_EQ(b_.count(), 0u);
}

TEST_F(VendorGatewayTest, TheCacheAnswersTheSameQuestionAgain) {
  EXPECT_EQ(Chat("hello", "kept").headers.Get("x-plumb-cache"), "");
  const auto again = Chat("hello", "kept");
  EXPECT_EQ(again.headers.Get("x-plumb-cache"), "hit");
  EXPECT_EQ(Content(Json(again)), "t0 t1 t2 ");
  EXPECT_TRUE(Newest().at("cached").as_bool());
  EXPECT_EQ(Newest().at("cost_usd").to_number<double>(), 0) << "nothing is owed, whatever the price would be";
  const auto streamed = Chat("hello", "kept", true);
  EXPECT_EQ(streamed.headers.Get("x-plumb-cache"), "hit");
  EXPECT_EQ(Read(streamed.body).text, "t0 t1 t2 ");
  EXPECT_EQ(a_.count(), 1u);
  Chat("something else", "kept");
  EXPECT_TRUE(Newest().at("cost_usd").is_null()) << "no price is known for it: unknown, not 0";
}

TEST_F(VendorGatewayTest, WhatTheGuardStopsIsNotKept) {
  a_.SetScript([](RawTalk& talk) -> asio::awaitable<void> {
    std::string body = WireAnswer("The key is SECRET-1234.");
    co_await talk.Json(200, std::move(body));
  });
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Finish(Json(Chat("hello", "kept"))), "content_filter");
  EXPECT_EQ(a_.count(), 2u);
}

TEST_F(VendorGatewayTest, WhenTheApplicationLeavesTheVendorIsLeftToo) {
  for (bool stream : {false, true}) {
    a_.SetScript([](RawTalk& talk) -> asio::awaitable<void> {
      co_await talk.BeginStream();
      co_await talk.Hang();
    });
    const size_t before = a_.count();
    net::ClientRequest request;
    request.method = "POST";
    request.url = *net::ParseUrl(gateway_->url() + "/v1/chat/completions");
    request.headers.Set("authorization", "Bearer " + key_);
    request.body = ToJson(json::value{{"model", "both"}, {"stream", stream}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}});
    request.gone = [this, before] { return a_.count() > before; };
    auto left = net::Wait(io_.executor(), client_.Fetch(request));
    ASSERT_FALSE(left);
    for (int i = 0; i < 300 && a_.open() > 0; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(a_.open(), 0u);
    for (int i = 0; i < 300 && (Newest().empty() || Newest().at("status").as_string() != "disconnected"); ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(Newest().at("status").as_string(), "disconnected") << "and it is recorded";
    EXPECT_EQ(b_.count(), 0u);
  }
}

}  // namespace
}  // namespace plumb::gateway
