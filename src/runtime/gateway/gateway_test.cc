#include "runtime/gateway/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <thread>

#include "base/net/net.h"
#include "evidence/ledger/ledger.h"
#include "runtime/gateway/align_runs.h"
#include "runtime/gateway/service.h"
#include "runtime/provider/mock_vendor.h"

namespace plumb::gateway {
namespace {

using namespace std::chrono_literals;
using provider::MockFault;
using testing::HasSubstr;
using testing::Not;

// Patterns alone, so that every verdict here is certain: cards are refused and redacted, keys blocked.
constexpr char kPolicy[] = R"(
policy: shop
version: 7
owner: o@example.org
purpose: Help.
principles: [{id: honest, text: Be honest.}]
categories:
  - id: cards
    about: Payment card numbers.
    maps: {openai: illicit}
    detect: [payment-card]
    on: {input: refuse, output: redact, tool_result: quarantine}
    say: Please do not send card numbers.
  - id: keys
    about: Secret keys.
    detect: [{name: secret, regex: 'SECRET-[0-9]{4}'}]
    on: {input: block, output: block, tool_call: block}
    say: That stays here.
routes:
  - match: {model: "watched-*"}
    mode: observe
  - match: {model: quiet}
    log: none
  - match: {model: hashed}
    log: hashed
  - match: {}
)";
constexpr char kCard[] = "4111 1111 1111 1111";
constexpr char kCardDigits[] = "4111 1111";

class GatewayTest : public testing::Test {
 protected:
  void SetUp() override {
    auto policy = policy::ParsePolicy(kPolicy, "policy.yaml", folder_.path());
    ASSERT_TRUE(policy) << policy.error().Text();
    policy_ = *policy;
    key_ = NewKey();
    Start();
  }
  void TearDown() override { Stop(); }

  void Start() {
    GatewayOptions options;
    options.listen = {"127.0.0.1", 0, ""};
    options.project = folder_.path();
    options.policy = policy_;
    options.models = {{"mock", "vendor:mock-1", false}, {"prompted", "vendor:mock-1", true}, {"quiet", "vendor:mock-1", false},
                      {"hashed", "vendor:mock-1", false}, {"watched-*", "vendor:*", false}};
    provider::ProviderConfig vendor;
    vendor.name = "vendor";
    vendor.url = vendor_.url();
    vendor.retry.first = 5ms;
    vendor.retry.max_attempts = 3;
    options.providers = {vendor};
    options.keys = {{"shop", HashKey(key_), "application"}, {"other", HashKey("plumb-other"), "application"}};
    options.ledger = folder_.path() / "ledger.db";
    options.version = "test";
    auto made = net::Wait(io_.executor(), [](asio::any_io_executor executor, GatewayOptions options)
                                              -> asio::awaitable<Result<std::unique_ptr<Gateway>>> {
      co_return Gateway::Start(executor, std::move(options));
    }(io_.executor(), options));
    ASSERT_TRUE(made) << made.error().Text();
    gateway_ = std::move(*made);
  }
  void Stop() {
    net::Wait(io_.executor(), [](GatewayTest* test) -> asio::awaitable<void> {
      co_await test->gateway_->Drain(2s);
      test->gateway_.reset();
      test->client_.CloseIdle();
    }(this));
  }

  net::ClientResponse Send(const std::string& method, const std::string& path, const std::string& body = "",
                           net::Headers headers = {}) {
    net::ClientRequest request;
    request.method = method;
    request.url = *net::ParseUrl(gateway_->url() + path);
    request.headers = std::move(headers);
    if (!request.headers.Has("authorization") && path.starts_with("/v1")) {
      request.headers.Set("authorization", "Bearer " + key_);
    }
    request.body = body;
    auto answer = net::Wait(io_.executor(), client_.Fetch(request));
    EXPECT_TRUE(answer) << answer.error().Text();
    return answer ? *answer : net::ClientResponse();
  }
  static json::object Json(const net::ClientResponse& response) {
    auto parsed = ParseJson(response.body);
    EXPECT_TRUE(parsed && parsed->is_object()) << response.body;
    return parsed && parsed->is_object() ? parsed->as_object() : json::object();
  }
  net::ClientResponse Chat(const std::string& text, const std::string& model = "mock", bool stream = false) {
    const json::value body = {{"model", model}, {"stream", stream},
                              {"messages", json::array{json::object{{"role", "user"}, {"content", text}}}}};
    return Send("POST", "/v1/chat/completions", ToJson(body));
  }
  static std::string Content(const json::object& answer) {
    const json::value& content = answer.at("choices").at(0).at("message").at("content");
    return content.is_null() ? "(null)" : std::string(content.as_string());
  }
  static std::string Finish(const json::object& answer) {
    return std::string(answer.at("choices").at(0).at("finish_reason").as_string());
  }
  // Text, finish reason and refusal of a streamed answer.
  struct Streamed {
    std::string text, finish, refusal, error;
    json::object closing;
    bool done = false;
  };
  static Streamed Read(const std::string& body) {
    Streamed out;
    net::SseParser parser;
    auto events = parser.Feed(body);
    for (const net::SseEvent& event : *events) {
      if (event.data == "[DONE]") {
        out.done = true;
        continue;
      }
      const json::object chunk = ParseJson(event.data)->as_object();
      if (const json::object* error = FindObject(chunk, "error")) out.error = error->at("message").as_string();
      const json::array* choices = FindArray(chunk, "choices");
      if (!choices || choices->empty()) continue;
      const json::object& delta = (*choices)[0].at("delta").as_object();
      if (const json::string* text = FindString(delta, "content")) out.text += std::string_view(*text);
      if (const json::string* refusal = FindString(delta, "refusal")) out.refusal += std::string_view(*refusal);
      if (const json::string* finish = FindString((*choices)[0].as_object(), "finish_reason")) out.finish = *finish;
    }
    for (const std::string& comment : parser.comments()) {
      auto parsed = ParseJson(comment);
      if (parsed && parsed->is_object()) out.closing = parsed->as_object().at("plumb").as_object();
    }
    return out;
  }
  // Empty before the first.
  json::object Newest() {
    const json::value answer = Json(Send("GET", "/api/exchanges?limit=1"));
    const json::array& rows = answer.at("exchanges").as_array();
    return rows.empty() ? json::object() : rows[0].as_object();
  }

  TempFolder folder_;
  provider::MockVendor vendor_;
  net::IoThread io_;
  net::Client client_;
  policy::Policy policy_;
  std::string key_;
  std::unique_ptr<Gateway> gateway_;
};

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
  EXPECT_THAT(streamed.body, Not(HasSubstr("1234")));
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
  EXPECT_THAT(std::string(first.at("content").as_string()), HasSubstr("Be honest."));
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
  EXPECT_THAT(Send("POST", "/v1/chat/completions", R"({"model":"mock","n":2,"messages":[{"role":"user","content":"x"}]})").body,
              HasSubstr("n is 2"));
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

TEST_F(GatewayTest, ConsoleIsForThisMachineOnly) {
  EXPECT_EQ(Send("GET", "/api/status").status, 200);
  EXPECT_EQ(Send("GET", "/api/status", "", {{"host", "evil.example"}}).status, 401);
  EXPECT_EQ(Send("GET", "/api/status", "", {{"host", "evil.example"}, {"authorization", "Bearer " + key_}}).status, 200);
  EXPECT_EQ(Send("POST", "/api/try", "{}", {{"origin", "http://evil.example"}}).status, 403);
}

TEST_F(GatewayTest, ConsoleSeesStatusPolicyPagesAndTries) {
  for (int i = 0; i < 5; ++i) Chat(fmt::format("n{}", i));
  const json::object status = Json(Send("GET", "/api/status"));
  EXPECT_EQ(status.at("totals").at("exchanges").to_number<int>(), 5);
  EXPECT_EQ(status.at("policy").at("hash").as_string(), policy_.hash);
  const json::object policy = Json(Send("GET", "/api/policy"));
  EXPECT_EQ(policy.at("clauses").at(0).at("on").at("output").as_string(), "redact");
  const json::object page = Json(Send("GET", "/api/exchanges?limit=2"));
  EXPECT_EQ(page.at("exchanges").at(0).at("preview").as_string(), "n4");
  const json::object next = Json(Send("GET", fmt::format("/api/exchanges?limit=2&before={}", page.at("next").to_number<int>())));
  EXPECT_EQ(next.at("exchanges").at(0).at("preview").as_string(), "n2");
  const json::value body = {{"direction", "input"}, {"text", kCard}};
  const json::object tried = Json(Send("POST", "/api/try", ToJson(body)));
  EXPECT_EQ(tried.at("verdict").at("action").as_string(), "refuse");
  EXPECT_EQ(tried.at("say").as_string(), "Please do not send card numbers.");
  EXPECT_EQ(tried.at("tiers").at(0).at("scores").at("cards").to_number<double>(), 1.0);
  const json::object head = Json(Send("GET", "/api/ledger/head"));
  EXPECT_EQ(head.at("size").to_number<int>(), 5);
}

TEST_F(GatewayTest, TurnsOfTheLoopAreListedAndFollowed) {
  const fs::path run = folder_.path() / "align" / "r1";
  ASSERT_TRUE(MakeFolder(run));
  std::ofstream events(run / "events.jsonl");
  events << R"({"t":"2026-11-21T09:30:00Z","phase":"measure","step":1,"total":2})" << "\n{\"half" << std::flush;
  EXPECT_EQ(Json(Send("GET", "/api/align/runs")).at("runs").at(0).at("state").as_string(), "running");
  std::thread writer([&] {
    std::this_thread::sleep_for(300ms);
    events << "\":1}\n" << R"({"phase":"done","message":"gate passed"})" << "\n" << std::flush;
    static_cast<void>(WriteFileAtomic(run / "report.json", R"({"verdict":"passed"})"));
  });
  net::ClientRequest request;
  request.url = *net::ParseUrl(gateway_->url() + "/api/align/live");
  std::string seen = net::Wait(io_.executor(), [](net::Client* client, net::ClientRequest request) -> asio::awaitable<std::string> {
    auto download = co_await client->Open(std::move(request));
    std::string all;
    while (download && all.find("event: report") == std::string::npos) {
      auto piece = co_await download->Next();
      if (!piece || piece->empty()) break;
      all += *piece;
    }
    co_return all;
  }(&client_, request));
  writer.join();
  EXPECT_THAT(seen, HasSubstr("event: run\ndata: {\"run\":\"r1\"}"));
  EXPECT_THAT(seen, HasSubstr("id: 1\ndata: {\"half\":1}"));
  EXPECT_THAT(seen, HasSubstr("id: 2\ndata: {\"phase\":\"done\""));
  const json::object got = Json(Send("GET", "/api/align/runs/r1"));
  EXPECT_EQ(got.at("state").as_string(), "done");
  EXPECT_TRUE(got.at("passed").as_bool());
  EXPECT_EQ(got.at("events").as_array().size(), 3u);
  EXPECT_EQ(Send("GET", "/api/align/runs/..%2f").status, 404);
  EXPECT_EQ(Send("GET", "/api/report/r1").status, 404);
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

TEST(Covers, Stars) {
  EXPECT_TRUE(Covers("*", ""));
  EXPECT_TRUE(Covers("gpt-*", "gpt-5"));
  EXPECT_TRUE(Covers("a*c*e", "abcde"));
  EXPECT_FALSE(Covers("a*c*e", "abcd"));
  EXPECT_FALSE(Covers("gpt", "gpt-5"));
}

TEST(Keys, OnlyTheHashIsKept) {
  const std::string key = NewKey();
  EXPECT_EQ(key.size(), 49u);
  EXPECT_TRUE(key.starts_with("plumb-"));
  const std::vector<Key> keys = {{"a", HashKey("x"), "application"}, {"b", HashKey(key), "application"}};
  EXPECT_EQ(FindKey(keys, key)->name, "b");
  EXPECT_EQ(FindKey(keys, key + "x"), nullptr);
}

}  // namespace
}  // namespace plumb::gateway
