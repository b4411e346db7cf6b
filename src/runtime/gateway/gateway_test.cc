// What applications see: guarded chat, streams, moderation, keys, and what the ledger keeps of it.
#include <gmock/gmock.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "evidence/ledger/ledger.h"
#include "runtime/gateway/gateway_fixture_test.h"

namespace plumb::gateway {
namespace {

using provider::MockFault;
using testing::HasSubstr;
using testing::Not;

TEST_F(GatewayTest, PassesWhatIsHarmlessAndProvesIt) {
  const auto answer = Chat("hello there");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Content(Json(answer)), "You said: hello there");
  EXPECT_EQ(answer.headers.Get("x-plumb-verdict"), "input=allow; output=allow");
  const std::string id(answer.headers.Get("x-plumb-exchange"));
  const json::object detail = Json(Send("GET", "/v1/exchanges/" + id));
  EXPECT_EQ(detail.at("response").as_string(), "You said: hello there");
  EXPECT_EQ(detail.at("bound").at("policy").as_string(), policy_.hash);
  EXPECT_TRUE(ledger::CheckProof(detail.at("proof").as_object(), detail.at("verifier_key").as_string().c_str()));
}

TEST_F(GatewayTest, RefusedRequestsNeverReachTheVendor) {
  const auto answer = Chat(std::string("my card is ") + kCard);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Content(Json(answer)), "Please do not send card numbers.");
  EXPECT_EQ(Finish(Json(answer)), "stop");
  EXPECT_TRUE(vendor_.seen().empty());
  EXPECT_EQ(Newest().at("action").as_string(), "refuse");
}

TEST_F(GatewayTest, BlockedRequestsUseTheContentFilter) {
  const json::object answer = Json(Chat("SECRET-1234"));
  EXPECT_EQ(Content(answer), "(null)");
  EXPECT_EQ(Finish(answer), "content_filter");
  EXPECT_EQ(answer.at("choices").at(0).at("message").at("refusal").as_string(), "That stays here.");
  const Streamed streamed = Read(Chat("SECRET-1234", "mock", true).body);
  EXPECT_EQ(streamed.finish, "content_filter");
  EXPECT_EQ(streamed.refusal, "That stays here.");
  EXPECT_TRUE(streamed.done);
  EXPECT_TRUE(vendor_.seen().empty());
}

TEST_F(GatewayTest, OutputIsRedactedWholeAndStreamed) {
  vendor_.Say(std::string("The card is ") + kCard + " as you know.");
  const auto whole = Chat("which card?");
  EXPECT_THAT(Content(Json(whole)), HasSubstr("[redacted: cards]"));
  EXPECT_THAT(whole.body, Not(HasSubstr(kCardDigits)));
  const auto streamed = Chat("which card?", "mock", true);
  EXPECT_THAT(streamed.body, Not(HasSubstr("4111")));
  EXPECT_EQ(Read(streamed.body).text, Content(Json(whole)));
  EXPECT_EQ(Read(streamed.body).closing.at("action").as_string(), "redact");
}

TEST_F(GatewayTest, StreamStopsBeforeWhatIsBlocked) {
  vendor_.Say("It is well hidden. The code is SECRET-1234 and more.");
  const auto streamed = Chat("the code?", "mock", true);
  EXPECT_THAT(streamed.body, Not(HasSubstr("-1234")));
  EXPECT_THAT(streamed.body, Not(HasSubstr("and more")));
  const Streamed read = Read(streamed.body);
  EXPECT_EQ(read.finish, "content_filter");
  EXPECT_EQ(read.refusal, "That stays here.");
  EXPECT_TRUE(read.done);
  const json::object row = Newest();
  EXPECT_EQ(row.at("action").as_string(), "block");
  EXPECT_EQ(row.at("clause").as_string(), "keys");
}

TEST_F(GatewayTest, StreamEndsWithVerdictAndReceipt) {
  const auto answer = Chat("one two three", "mock", true);
  EXPECT_THAT(std::string(answer.headers.Get("content-type")), HasSubstr("text/event-stream"));
  const Streamed read = Read(answer.body);
  EXPECT_EQ(read.text, "You said: one two three");
  EXPECT_EQ(read.finish, "stop");
  EXPECT_EQ(read.closing.at("output").as_string(), "allow");
  EXPECT_EQ(read.closing.at("receipt").at("index").to_number<int>(), 0);
  EXPECT_EQ(read.closing.at("exchange").as_string(), answer.headers.Get("x-plumb-exchange"));
}

TEST_F(GatewayTest, ObservingRecordsAndEnforcesNothing) {
  vendor_.Say(std::string("Card ") + kCard);
  for (bool stream : {false, true}) {
    const auto answer = Chat(kCard, "watched-7", stream);
    const std::string text = stream ? Read(answer.body).text : Content(Json(answer));
    EXPECT_EQ(text, std::string("Card ") + kCard);
    const json::object row = Newest();
    EXPECT_EQ(row.at("mode").as_string(), "observe");
    EXPECT_EQ(row.at("action").as_string(), "refuse");
  }
  EXPECT_EQ(vendor_.seen().at(0).body.at("model").as_string(), "watched-7");
}

TEST_F(GatewayTest, VendorFaultsBecomeClearErrorsAndAreRecorded) {
  vendor_.Plan({.kind = MockFault::kStatus, .status = 503}, 3);
  EXPECT_EQ(Chat("x").status, 503);
  EXPECT_EQ(Newest().at("status").as_string(), "error");
  vendor_.Plan({.kind = MockFault::kStatus, .status = 429, .retry_after = "900"});
  EXPECT_EQ(Chat("x").status, 429);
  vendor_.Plan({.kind = MockFault::kStatus, .status = 400});
  EXPECT_EQ(Chat("x", "mock", true).status, 400);
  vendor_.Plan({.kind = MockFault::kStatus, .status = 401});
  EXPECT_EQ(Chat("x").status, 502);
  vendor_.Plan({.kind = MockFault::kGarbage}, 2);
  EXPECT_EQ(Chat("x").status, 502);
  vendor_.Plan({.kind = MockFault::kReset}, 1);
  EXPECT_EQ(Chat("x").status, 200);
}

TEST_F(GatewayTest, BrokenStreamsAreNeverSuccess) {
  for (MockFault::Kind kind : {MockFault::kTruncate, MockFault::kGarbage, MockFault::kErrorEvent}) {
    vendor_.Plan({.kind = kind});
    net::ClientRequest request;
    request.method = "POST";
    request.url = *net::ParseUrl(gateway_->url() + "/v1/chat/completions");
    request.headers = {{"authorization", "Bearer " + key_}};
    request.body = R"({"model":"mock","stream":true,"messages":[{"role":"user","content":"a b. c d. e f. g h. i j. k l."}]})";
    auto answer = net::Wait(io_.executor(), client_.Fetch(request));
    EXPECT_FALSE(answer && answer->body.contains("[DONE]")) << kind;
    EXPECT_EQ(Newest().at("status").as_string(), "error");
  }
}

TEST_F(GatewayTest, ToolCallsAndResultsAreGuarded) {
  const json::value body = {
      {"model", "mock"},
      {"messages", json::array{json::object{{"role", "user"}, {"content", "look it up"}},
                               json::object{{"role", "assistant"}, {"content", nullptr}, {"tool_calls", json::array{}}},
                               json::object{{"role", "tool"}, {"tool_call_id", "1"}, {"content", std::string("found ") + kCard}}}}};
  EXPECT_EQ(Send("POST", "/v1/chat/completions", ToJson(body)).status, 200);
  EXPECT_EQ(vendor_.seen().at(0).body.at("messages").at(2).at("content").as_string(), "[withheld by policy: cards]");
}

TEST_F(GatewayTest, PolicyPromptIsPutInFront) {
  Chat("hello", "prompted");
  const auto seen = vendor_.seen();
  const json::value& first = seen.at(0).body.at("messages").at(0);
  EXPECT_EQ(first.at("role").as_string(), "system");
  EXPECT_THAT(std::string(first.at("content").as_string()), HasSubstr("Say only what the sources support"));
}

TEST_F(GatewayTest, LogsWhatTheRouteSays) {
  Chat("remember me", "quiet");
  EXPECT_TRUE(Newest().at("preview").is_null());
  Chat("remember me", "hashed");
  const json::object row = Newest();
  EXPECT_TRUE(row.at("preview").is_null());
  const json::object detail = Json(Send("GET", "/api/exchanges/" + std::string(row.at("id").as_string())));
  EXPECT_EQ(detail.at("sha256").at("response").as_string(), Sha256Hex("You said: remember me"));
  Chat("remember me");
  EXPECT_EQ(Newest().at("preview").as_string(), "remember me");
}

TEST_F(GatewayTest, KeysAreAskedForAndKeptApart) {
  EXPECT_EQ(Send("POST", "/v1/chat/completions", "{}", {{"authorization", "Bearer plumb-wrong"}}).status, 401);
  EXPECT_EQ(Send("GET", "/v1/models", "", {{"authorization", ""}}).status, 401);
  const std::string id(Chat("mine").headers.Get("x-plumb-exchange"));
  EXPECT_EQ(Send("GET", "/v1/exchanges/" + id).status, 200);
  EXPECT_EQ(Send("GET", "/v1/exchanges/" + id, "", {{"authorization", "Bearer plumb-other"}}).status, 404);
}

TEST_F(GatewayTest, BadRequestsSayWhatWouldBeRight) {
  EXPECT_THAT(Send("POST", "/v1/chat/completions", "{\"messages\": [").body, HasSubstr("request body:1:15"));
  EXPECT_THAT(Chat("x", "mok").body, HasSubstr("did you mean 'mock'?"));
  EXPECT_THAT(Send("POST", "/v1/chat/completions", R"({"model":"mock","messages":[]})").body, HasSubstr("messages is empty"));
  EXPECT_THAT(Send("POST", "/v1/chat/completions", R"({"model":"mock","n":0,"messages":[{"role":"user","content":"x"}]})").body,
              HasSubstr("n is 0"));
  EXPECT_EQ(Send("GET", "/v1/chat/completions").status, 405);
  EXPECT_EQ(Send("GET", "/v1/nothing").status, 404);
}

TEST_F(GatewayTest, ModeratesInOpenAisCategories) {
  const json::value body = {{"input", json::array{"hello", std::string("card ") + kCard}}};
  const json::object answer = Json(Send("POST", "/v1/moderations", ToJson(body)));
  const json::array& results = answer.at("results").as_array();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].at("categories").as_object().size(), 13u);
  EXPECT_FALSE(results[0].at("flagged").as_bool());
  EXPECT_TRUE(results[1].at("flagged").as_bool());
  EXPECT_TRUE(results[1].at("categories").at("illicit").as_bool());
  EXPECT_EQ(results[1].at("category_scores").at("illicit").to_number<double>(), 1.0);
}

TEST_F(GatewayTest, ClientThatLeavesIsRecorded) {
  vendor_.Say(std::string(200'000, 'x') + ". ");
  {
    asio::io_context io;
    asio::ip::tcp::socket socket(io);
    const net::Address address = net::ParseUrl(gateway_->url())->address;
    socket.connect({asio::ip::make_address(address.host), address.port});
    const std::string body = R"({"model":"watched-1","stream":true,"messages":[{"role":"user","content":"x"}]})";
    const std::string text = fmt::format("POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n"
                                         "content-length: {}\r\n\r\n{}", key_, body.size(), body);
    asio::write(socket, asio::buffer(text));
    socket.set_option(asio::socket_base::linger(true, 0));
  }
  for (int i = 0; i < 100 && !Newest().contains("model"); ++i) std::this_thread::sleep_for(100ms);
  ASSERT_TRUE(Newest().contains("model"));
  EXPECT_EQ(Newest().at("model").as_string(), "watched-1");
  EXPECT_EQ(Chat("still here").status, 200);
}

TEST_F(GatewayTest, HealthMetricsAndPage) {
  Chat("x");
  EXPECT_EQ(Send("GET", "/healthz").body, "ok\n");
  EXPECT_EQ(Send("GET", "/readyz").status, 200);
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("plumb_exchanges_total{action=\"allow\",mode=\"enforce\",status=\"ok\"} 1"));
  EXPECT_THAT(Send("GET", "/").body, HasSubstr("<title>Plumbline</title>"));
  EXPECT_EQ(Send("GET", "/missing.js").status, 404);
}

TEST_F(GatewayTest, LedgerOutlivesARestart) {
  Chat("before");
  Stop();
  Start();
  Chat("after");
  EXPECT_EQ(Json(Send("GET", "/api/exchanges")).at("exchanges").as_array().size(), 2u);
}

}  // namespace
}  // namespace plumb::gateway
