// Who answers what the guard lets pass with doubts.
#include "runtime/gateway/policy_fixture_test.h"

namespace plumb::gateway {
namespace {

class DoubtTest : public PolicyTest {
 protected:
  // This guard is patterns alone, whose general score is 0.
  void Configure(GatewayOptions& options) override {
    PolicyTest::Configure(options);
    options.models.push_back({.name = "always", .target = "vendor:mock-1", .in_doubt = "second", .in_doubt_from = 0});
    options.models.push_back({.name = "never", .target = "vendor:mock-1", .in_doubt = "second", .in_doubt_from = 0.5});
  }
  std::string AskedOf(const std::string& model) {
    const auto answer = Ask("hello", {}, {{"model", model}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(Json(answer).at("model").as_string(), model) << "the application's name for it stays";
    id_ = IdOf(answer);
    return std::string(vendor_.seen().back().body.at("model").as_string());
  }
  std::string id_;
};

TEST_F(DoubtTest, TheCarefulTwinAnswersFromTheScoreOn) {
  Use("");
  EXPECT_EQ(AskedOf("always"), "mock-2");
  const auto exchange = Json(Send("GET", "/v1/exchanges/" + id_));
  EXPECT_EQ(exchange.at("in_doubt"), true);
  EXPECT_EQ(exchange.at("target").as_string(), "vendor:mock-2");
  EXPECT_EQ(AskedOf("never"), "mock-1");
  EXPECT_FALSE(Json(Send("GET", "/v1/exchanges/" + id_)).contains("in_doubt"));
  EXPECT_EQ(AskedOf("mock"), "mock-1");
}

TEST_F(DoubtTest, AnObservingRouteChangesNothing) {
  Use("routes: [{match: {}, mode: observe}]\n");
  EXPECT_EQ(AskedOf("always"), "mock-1");
}

TEST_F(DoubtTest, WhoIsNamedMustBeHereAndAnswerItself) {
  Write("");
  auto policy = policy::LoadPolicy(folder_.path() / "policy.yaml");
  ASSERT_TRUE(policy);
  asio::io_context io;
  FixedOptions fixed;
  fixed.listen = *net::ParseAddress("127.0.0.1:0");
  ForceOptions options;
  options.policy = *policy;
  options.providers = {{.name = "vendor", .kind = "openai", .url = "http://127.0.0.1:1"}};
  options.models = {{.name = "a", .target = "vendor:x", .in_doubt = "nobody"}};
  auto force = MakeForce(io.get_executor(), fixed, options);
  ASSERT_FALSE(force);
  EXPECT_NE(force.error().Text().find("model 'a', in_doubt"), std::string::npos) << force.error().Text();
  options.models = {{.name = "a", .target = "vendor:x", .in_doubt = "b"}, {.name = "b", .target = "vendor:x", .in_doubt = "a"}};
  force = MakeForce(io.get_executor(), fixed, options);
  ASSERT_FALSE(force);
  EXPECT_NE(force.error().Text().find("hands on"), std::string::npos) << force.error().Text();
}

}  // namespace
}  // namespace plumb::gateway
