// A gateway before a vendor of the tests' own (provider/mock_vendor.h), with a policy whose verdicts are certain.
#pragma once

#include <gtest/gtest.h>

#include "base/net/net.h"
#include "intent/policy/shop_policy_test.h"
#include "runtime/gateway/gateway.h"
#include "runtime/gateway/service.h"
#include "runtime/provider/mock_vendor.h"

namespace plumb::gateway {

using namespace std::chrono_literals;

using policy::ShopPolicy;
inline const std::string kPolicy = ShopPolicy() + R"(
routes:
  - match: {model: "watched-*"}
    mode: observe
  - match: {model: quiet}
    log: none
  - match: {model: hashed}
    log: hashed
  - match: {}
)";
inline constexpr char kCard[] = "4111 1111 1111 1111";
inline constexpr char kCardDigits[] = "4111 1111";

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
  // What a test wants otherwise.
  virtual void Configure(GatewayOptions&) {}

  void Start() {
    GatewayOptions options;
    options.listen = {"127.0.0.1", 0, ""};
    options.project = folder_.path();
    options.policy = policy_;
    options.models = {{"mock", "vendor:mock-1", false}, {"prompted", "vendor:mock-1", true}, {"quiet", "vendor:mock-1", false},
                      {"hashed", "vendor:mock-1", false}, {"watched-*", "vendor:*", false},
                      {"claude", "claude:claude-1", false}};
    provider::ProviderConfig vendor;
    vendor.name = "vendor";
    vendor.url = vendor_.url();
    vendor.retry.first = 5ms;
    vendor.retry.max_attempts = 3;
    provider::ProviderConfig claude = vendor;
    claude.name = "claude";
    claude.kind = "anthropic";
    options.providers = {vendor, claude};
    options.keys = {{"shop", {{HashKey(key_)}}, "application"}, {"other", {{HashKey("plumb-other")}}, "application"}};
    options.ledger = folder_.path() / "ledger.db";
    options.version = "test";
    Configure(options);
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

}  // namespace plumb::gateway
