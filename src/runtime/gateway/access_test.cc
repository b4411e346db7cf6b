// Who may do what: keys, roles, rotation, models and routes, budgets, seen through the open door.
#include "runtime/gateway/access.h"

#include <gmock/gmock.h>

#include <future>

#include "runtime/gateway/gateway_fixture_test.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;

TEST(Keys, OnlyTheHashIsKept) {
  const std::string key = NewKey();
  EXPECT_EQ(key.size(), 49u);
  EXPECT_TRUE(key.starts_with("plumb-"));
  const KeyRing ring({{"a", {{HashKey("x")}}}, {"b", {{HashKey(key)}}}});
  EXPECT_EQ((*ring.Find(key, Time()))->name, "b");
  EXPECT_EQ(ring.Find(key + "x", Time()).error().code, Code::kPermission);
  EXPECT_EQ(ring.Find("", Time()).error().code, Code::kPermission);
}

TEST(Keys, ARotatedKeyHasTwoSecretsUntilTheOldOneExpires) {
  const Time end = *ParseTime("2026-12-01T00:00:00Z");
  const KeyRing ring({{"app", {{HashKey("new")}, {HashKey("old"), end}}}});
  EXPECT_TRUE(ring.Find("new", end));
  EXPECT_TRUE(ring.Find("old", end - 1s));
  auto late = ring.Find("old", end);
  ASSERT_FALSE(late);
  EXPECT_THAT(late.error().message, HasSubstr("of 'app' expired at 2026-12-01T00:00:00.000Z"));
}

class AccessTest : public GatewayTest {
 protected:
  void Configure(GatewayOptions& options) override {
    options.keys = more_;
    for (const char* role : {"application", "reviewer", "operator", "auditor", "administrator"}) {
      options.keys.push_back({role, {{HashKey(SecretOf(role))}}, role});
    }
    options.teams = teams_;
    options.cors.origins = {"https://app.example.com"};
  }
  static std::string SecretOf(std::string_view name) { return fmt::format("plumb-of-{}", name); }
  int Status(const std::string& method, const std::string& path, const std::string& secret, const std::string& body = "") {
    return Send(method, path, body, {{"authorization", "Bearer " + secret}}).status;
  }
  net::ClientResponse Ask(const std::string& secret, const std::string& model = "mock") {
    const json::value body = {{"model", model}, {"messages", json::array{json::object{{"role", "user"}, {"content", "Hello"}}}}};
    return Send("POST", "/v1/chat/completions", ToJson(body), {{"authorization", ""}, {"x-api-key", secret}});
  }

  std::vector<Key> more_;
  std::vector<Team> teams_;
};

// Rows: what is asked. Columns: application, reviewer, operator, auditor, administrator, nobody, a stranger.
TEST_F(AccessTest, EveryRoleReachesWhatItsRowSays) {
  const std::string chat = R"({"model":"mock","messages":[{"role":"user","content":"Hello"}]})";
  const std::string id = Json(Ask(SecretOf("application"))).at("id").as_string().c_str();
  const std::string exchange = "/v1/exchanges/" + id.substr(id.find("exc_"));
  struct Row {
    std::string method, path, body;
    std::array<int, 7> status;
  };
  const Row rows[] = {
      {"POST", "/v1/chat/completions", chat, {200, 403, 403, 403, 200, 401, 401}},
      {"POST", "/v1/moderations", R"({"input":"x"})", {200, 403, 403, 403, 200, 401, 401}},
      {"GET", "/v1/models", "", {200, 403, 403, 403, 200, 401, 401}},
      {"GET", exchange, "", {200, 200, 200, 200, 200, 401, 401}},
      {"GET", "/api/status", "", {403, 200, 200, 200, 200, 200, 401}},
      {"GET", "/api/exchanges", "", {403, 200, 200, 200, 200, 200, 401}},
      {"GET", "/api/ledger/head", "", {403, 200, 200, 200, 200, 200, 401}},
      {"POST", "/api/try", R"({"text":"x"})", {403, 200, 200, 200, 200, 200, 401}},
      {"POST", "/api/anything", "", {403, 403, 404, 403, 404, 404, 401}},
      {"GET", "/metrics", "", {403, 403, 200, 200, 200, 200, 401}},
      {"GET", "/healthz", "", {200, 200, 200, 200, 200, 200, 200}},
      {"GET", "/readyz", "", {200, 200, 200, 200, 200, 200, 200}},
  };
  const char* const roles[] = {"application", "reviewer", "operator", "auditor", "administrator"};
  for (const Row& row : rows) {
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(Status(row.method, row.path, SecretOf(roles[i]), row.body), row.status[i]) << row.method << " " << row.path << " " << roles[i];
    }
    net::ClientRequest bare;
    bare.method = row.method;
    bare.url = *net::ParseUrl(gateway_->url() + row.path);
    bare.body = row.body;
    auto answer = net::Wait(io_.executor(), client_.Fetch(bare));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, row.status[5]) << row.method << " " << row.path << " without a key, on this machine";
    EXPECT_EQ(Status(row.method, row.path, "plumb-stranger", row.body), row.status[6]) << row.method << " " << row.path << " a stranger";
  }
  EXPECT_FALSE(May("", Right::kAsk));
  EXPECT_FALSE(May("root", Right::kRead));
}

TEST_F(AccessTest, AnotherKeysExchangeIsNotFound) {
  more_ = {{"other", {{HashKey("plumb-other")}}}};
  Stop();
  Start();
  const std::string id = Json(Ask(SecretOf("application"))).at("id").as_string().c_str();
  EXPECT_EQ(Status("GET", "/v1/exchanges/" + id.substr(id.find("exc_")), "plumb-other"), 404);
}

TEST_F(AccessTest, AKeyAsksForItsModelsOnItsRoutes) {
  more_ = {{"narrow", {{HashKey("narrow")}}, "application", "", {"mo*"}, {"/v1/chat/*"}}};
  Stop();
  Start();
  EXPECT_EQ(Ask("narrow").status, 200);
  auto refused = Ask("narrow", "prompted");
  EXPECT_EQ(refused.status, 404);
  EXPECT_THAT(refused.body, HasSubstr("may not ask for the model 'prompted' (it may: mo*)"));
  EXPECT_EQ(Status("POST", "/v1/moderations", "narrow", R"({"input":"x"})"), 403);
}

TEST_F(AccessTest, BudgetsHoldToTheLastRequestThroughTheDoor) {
  more_ = {{"small", {{HashKey("small")}}, "application", "shop", {}, {}, {}}};
  teams_ = {{"shop", {.budgets = {{Unit::kRequests, 37, Period::kMonth}}}}};
  Stop();
  Start();
  net::ClientRequest request;
  request.method = "POST";
  request.url = *net::ParseUrl(gateway_->url() + "/v1/chat/completions");
  request.headers = {{"x-api-key", "small"}};
  request.body = R"({"model":"mock","messages":[{"role":"user","content":"Hello"}]})";
  std::vector<std::future<Result<net::ClientResponse>>> all;
  for (int i = 0; i < 200; ++i) all.push_back(net::asio::co_spawn(io_.executor(), client_.Fetch(request), net::asio::use_future));
  std::map<int, int> by_status;
  net::ClientResponse refused;
  for (auto& one : all) {
    auto answer = one.get();
    ASSERT_TRUE(answer) << answer.error().Text();
    ++by_status[answer->status];
    if (answer->status == 429) refused = *answer;
  }
  EXPECT_EQ(by_status, (std::map<int, int>{{200, 37}, {429, 163}}));
  EXPECT_EQ(refused.headers.Get("x-ratelimit-limit-requests"), "37");
  EXPECT_EQ(refused.headers.Get("x-ratelimit-remaining-requests"), "0");
  EXPECT_EQ(refused.headers.Get("x-should-retry"), "false");
  EXPECT_GT(std::stoi(std::string(refused.headers.Get("retry-after"))), 0);
  EXPECT_THAT(refused.body, HasSubstr("the budget of the team 'shop', 37 requests per month, is spent"));
  // It survives a restart.
  Stop();
  Start();
  EXPECT_EQ(Ask("small").status, 429);
  EXPECT_EQ(Ask(SecretOf("application")).status, 200) << "others have budgets of their own";
}

TEST_F(AccessTest, TokensAreSettledByWhatTheVendorCounted) {
  more_ = {{"small", {{HashKey("small")}}, "application", "", {}, {}, {.budgets = {{Unit::kTokens, 100'000, Period::kMonth}}}}};
  Stop();
  Start();
  auto first = Ask("small");
  const json::object usage = Json(first).at("usage").as_object();
  const int64_t used = usage.at("total_tokens").to_number<int64_t>();
  auto second = Ask("small");
  const int64_t before = std::stoll(std::string(first.headers.Get("x-ratelimit-remaining-tokens")));
  const int64_t after = std::stoll(std::string(second.headers.Get("x-ratelimit-remaining-tokens")));
  EXPECT_EQ(before - after, used) << "the first estimate has been replaced; both estimates are the same";
}

TEST_F(AccessTest, PagesOfListedOriginsMayCall) {
  auto preflight = Send("OPTIONS", "/v1/chat/completions", "",
                        {{"origin", "https://app.example.com"}, {"access-control-request-method", "POST"},
                         {"access-control-request-headers", "authorization,content-type"}, {"authorization", ""}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.headers.Get("access-control-allow-origin"), "https://app.example.com");
  EXPECT_EQ(preflight.headers.Get("access-control-allow-headers"), "authorization,content-type");
  auto asked = Send("GET", "/v1/models", "", {{"origin", "https://app.example.com"}, {"x-api-key", SecretOf("application")}, {"authorization", ""}});
  EXPECT_EQ(asked.status, 200);
  EXPECT_EQ(asked.headers.Get("access-control-allow-origin"), "https://app.example.com");
  EXPECT_EQ(asked.headers.Get("vary"), "Origin");
  auto foreign = Send("OPTIONS", "/v1/models", "", {{"origin", "https://evil.example.com"}, {"access-control-request-method", "GET"}});
  EXPECT_NE(foreign.status, 204);
  EXPECT_FALSE(foreign.headers.Has("access-control-allow-origin"));
}

// A secret must never be seen where people look: answers, warnings, the ledger's file, metrics.
TEST_F(AccessTest, SecretsAreNeverShown) {
  const std::string secret = "plumb-wrong-secret-4711";
  std::string seen;
  for (const char* path : {"/v1/chat/completions", "/v1/models", "/api/status", "/metrics", "/v1/nowhere"}) {
    auto answer = Send("POST", path, "{", {{"authorization", "Bearer " + secret}});
    seen += answer.body + answer.headers.wire();
    seen += Send("GET", path, "", {{"x-api-key", SecretOf("auditor")}, {"authorization", ""}}).body;
  }
  EXPECT_EQ(Ask(SecretOf("application")).status, 200);
  seen += Send("GET", "/metrics").body;
  Stop();
  for (const auto& file : fs::recursive_directory_iterator(folder_.path())) {
    if (file.is_regular_file()) seen += ReadFile(file.path()).value_or("");
  }
  Start();
  EXPECT_THAT(seen, testing::Not(HasSubstr("wrong-secret")));
  EXPECT_THAT(seen, testing::Not(HasSubstr(SecretOf("application"))));
  EXPECT_THAT(seen, testing::Not(HasSubstr(SecretOf("auditor"))));
}

}  // namespace
}  // namespace plumb::gateway
