// What is counted, limited, kept and named on the APIs that are not chats, and particulars of single fields.
#include <gmock/gmock.h>

#include "runtime/gateway/gateway_fixture_test.h"
#include "runtime/gateway/surface_reader_test.h"

namespace plumb::gateway {
namespace {

using provider::MockFault;
using testing::HasSubstr;
using testing::Not;

class AccountsTest : public GatewayTest {
 protected:
  void Configure(GatewayOptions& options) override {
    ModelRoute kept{.name = "kept", .target = "vendor:mock-1"};
    kept.cache = provider::CachePolicy();
    options.models.push_back(kept);
    options.prices = {{.model = "mock-1", .input = provider::PerToken(2), .output = provider::PerToken(4)}};
    options.keys[1].limits.requests_per_minute = 1;
    options.keys.push_back({.name = "poor", .hashes = {{HashKey("plumb-poor")}}, .limits = {.budgets = {{Unit::kMoney, 13, Period::kDay}}}});
  }
  net::ClientResponse Post(const std::string& path, std::string_view body, const std::string& key = "") {
    return Send("POST", path, std::string(body), {{"authorization", "Bearer " + (key.empty() ? key_ : key)}});
  }
};

TEST_F(AccountsTest, EmbeddingsCostAndTheirAttemptsAreNoted) {
  vendor_.Plan({.kind = MockFault::kStatus, .status = 503});
  const auto answer = Post("/v1/embeddings", R"({"model":"mock","input":"four"})");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.headers.Get("x-plumb-target"), "vendor:mock-1");
  const json::object row = Newest();
  EXPECT_EQ(row.at("usage").at("input_tokens").to_number<int>(), 3);
  EXPECT_DOUBLE_EQ(row.at("cost_usd").to_number<double>(), 6e-6);
  EXPECT_EQ(row.at("attempts").as_array().size(), 2u);
  const std::string metrics = Send("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("plumb_provider_attempts_total{outcome=\"unavailable\",provider=\"vendor\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("plumb_tokens_total{model=\"mock\",provider=\"vendor\",type=\"input\"} 3"));
}

TEST_F(AccountsTest, EmbeddingsAreKeptWhereTheRouteSaysSo) {
  for (const char* hit : {"", "hit"}) {
    const auto answer = Post("/v1/embeddings", R"({"model":"kept","input":["four","three"]})");
    EXPECT_EQ(answer.headers.Get("x-plumb-cache"), hit);
    EXPECT_EQ(Json(answer).at("data").at(1).at("embedding").at(0).to_number<double>(), 5);
    EXPECT_EQ(Newest().at("cached").as_bool(), hit == std::string_view("hit"));
  }
  EXPECT_EQ(vendor_.seen().size(), 1u);
  EXPECT_EQ(Newest().at("cost_usd").to_number<double>(), 0);
  EXPECT_EQ(Post("/v1/embeddings", R"({"model":"kept","input":["four","five"]})").headers.Get("x-plumb-cache"), "");
}

TEST_F(AccountsTest, EveryApiIsLimitedByItsCallersKey) {
  for (const auto& [path, body] : {std::pair{"/v1/moderations", R"({"input":"hello"})"},
                                   std::pair{"/v1/embeddings", R"({"model":"mock","input":"hello"})"},
                                   std::pair{"/v1/messages/count_tokens", R"({"model":"claude","messages":[{"role":"user","content":"hello"}]})"}}) {
    Stop();
    fs::remove(folder_.path() / "limits.db");
    Start();
    const auto first = Post(path, body, "plumb-other");
    EXPECT_EQ(first.status, 200) << path << first.body;
    EXPECT_EQ(first.headers.Get("x-ratelimit-remaining-requests"), "0") << path;
    const auto second = Post(path, body, "plumb-other");
    EXPECT_EQ(second.status, 429) << path << second.body;
    EXPECT_TRUE(second.headers.Has("retry-after"));
  }
}

TEST_F(AccountsTest, CountingTokensIsFreeAndEmbeddingsArePaid) {
  // A budget of 13 millionths of a dollar: an embedding of three tokens takes six of them.
  constexpr char count[] = R"({"model":"claude","messages":[{"role":"user","content":"hi"}]})";
  EXPECT_EQ(Post("/v1/messages/count_tokens", count, "plumb-poor").status, 400) << "a target without a price, and a budget of money";
  constexpr char embed[] = R"({"model":"mock","input":"hi"})";
  EXPECT_EQ(Post("/v1/embeddings", embed, "plumb-poor").status, 200);
  EXPECT_EQ(Post("/v1/embeddings", R"({"model":"mock","input":"and now a much longer text that costs more"})", "plumb-poor").status, 429);
  EXPECT_EQ(Post("/v1/embeddings", embed, "plumb-poor").status, 200);
}

TEST_F(AccountsTest, TheStopSequenceComesBackOnMessages) {
  vendor_.Answer({.texts = {"one two"}, .stop = "END"});
  for (const char* model : {"mock", "claude"}) {
    for (const char* stream : {"false", "true"}) {
      const auto answer = Post("/v1/messages", fmt::format(R"({{"model":"{}","max_tokens":9,"stream":{},"stop_sequences":["END"],"messages":[{{"role":"user","content":"x"}}]}})", model, stream));
      EXPECT_THAT(answer.body, HasSubstr(R"("stop_reason":"stop_sequence","stop_sequence":"END")")) << model << stream;
      EXPECT_EQ(Finish(Json(Chat("x", model))), "stop");
    }
  }
  // Words of ours end for no such reason.
  vendor_.Answer({.texts = {"SECRET-1234"}, .stop = "END"});
  for (const char* stream : {"false", "true"}) {
    const auto answer = Post("/v1/messages", fmt::format(R"({{"model":"claude","max_tokens":9,"stream":{},"messages":[{{"role":"user","content":"x"}}]}})", stream));
    EXPECT_THAT(answer.body, HasSubstr(R"("stop_reason":"refusal","stop_sequence":null)")) << stream;
  }
}

TEST_F(AccountsTest, ResponsesGiveLogprobsWhereTheyAreAskedFor) {
  vendor_.Answer({.texts = {"The card 4111 1111 1111 1111 is theirs."}, .logprobs = true});
  for (const char* stream : {"false", "true"}) {
    const auto answer = Post("/v1/responses", fmt::format(R"({{"model":"mock","stream":{},"include":["message.output_text.logprobs"],"top_logprobs":2,"input":"x"}})", stream));
    EXPECT_THAT(answer.body, HasSubstr(R"("token":" theirs.")")) << answer.body;
    EXPECT_THAT(answer.body, Not(HasSubstr("4111")));
    const json::object sent = vendor_.seen().back().body;
    EXPECT_TRUE(sent.at("logprobs").as_bool());
    EXPECT_EQ(sent.at("top_logprobs").to_number<int>(), 2);
  }
  vendor_.Answer({.texts = {"Plain."}});
  EXPECT_THAT(Post("/v1/responses", R"({"model":"mock","input":"x"})").body, HasSubstr(R"("logprobs":[])"));
}

TEST_F(AccountsTest, AnAnswerThatIsNotKeptIsNotFoundInOpenAisWords) {
  const json::object error = Json(Post("/v1/responses", R"({"model":"mock","previous_response_id":"resp_1","input":"x"})")).at("error").as_object();
  EXPECT_EQ(error.at("code").as_string(), "previous_response_not_found");
  EXPECT_EQ(error.at("param").as_string(), "previous_response_id");
  EXPECT_EQ(error.at("type").as_string(), "invalid_request_error");
  const json::object kept = Json(Post("/v1/responses", R"({"model":"mock","store":true,"input":"x"})"));
  EXPECT_FALSE(kept.at("store").as_bool()) << "and every answer says so beforehand";
}

TEST_F(AccountsTest, BreakersShowInTheMetrics) {
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("plumb_breaker_state{state=\"closed\",target=\"vendor:mock-1\"} 1"));
  vendor_.Plan({.kind = MockFault::kStatus, .status = 500}, 20);
  for (int i = 0; i < 4; ++i) Chat("x", "kept");
  const std::string metrics = Send("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("plumb_breaker_state{state=\"open\",target=\"vendor:mock-1\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("plumb_breaker_state{state=\"closed\",target=\"vendor:mock-1\"} 0"));
  EXPECT_THAT(metrics, HasSubstr("plumb_breaker_opened_total{target=\"vendor:mock-1\"} 1"));
}

TEST_F(AccountsTest, WhereARequestCameFromIsRecorded) {
  Send("POST", "/v1/chat/completions", R"({"model":"mock","messages":[{"role":"user","content":"x"}]})", {{"x-plumb-channel", "kiosk"}, {"x-plumb-region", "AT"}});
  EXPECT_EQ(ToJson(Newest().at("attributes")), R"({"channel":"kiosk","region":"AT"})");
}

}  // namespace
}  // namespace plumb::gateway
