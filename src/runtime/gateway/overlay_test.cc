// Which policy is in force for a request: overlays, arms of a split, shadows.
#include <thread>

#include "runtime/gateway/policy_fixture_test.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

class StanceTest : public PolicyTest {
 protected:
  std::vector<ledger::Stored> Shadows(size_t n) {
    for (int i = 0; i < 200; ++i) {
      auto entries = Entries("shadow");
      if (entries.size() >= n) return entries;
      std::this_thread::sleep_for(20ms);
    }
    return Entries("shadow");
  }
};

constexpr char kOverlays[] = R"(overlays:
  - when: {region: [DE, AT]}
    +categories: [{id: cards, on: {input: allow}}]
  - when: {channel: kiosk}
    +categories: [{id: cards, say: Not at the kiosk.}]
    +routes: [{match: {key: shop}, mode: enforce, prompt: {few_shots: 0}}]
)";

TEST_F(StanceTest, OverlaysAreTakenByTheRequestsHeaders) {
  Use(kOverlays);
  EXPECT_EQ(Content(Json(Ask(kCard))), "Please do not send card numbers.");
  const auto austrian = Ask(kCard, {{"x-plumb-region", "AT"}});
  EXPECT_THAT(Content(Json(austrian)), HasSubstr("You said: [redacted: cards]")) << "answers are redacted as before";
  EXPECT_EQ(Content(Json(Ask(kCard, {{"x-plumb-region", "US"}}))), "Please do not send card numbers.");
  const auto kiosk = Ask(kCard, {{"x-plumb-channel", "kiosk"}});
  EXPECT_EQ(Content(Json(kiosk)), "Not at the kiosk.");
  // The exchange is bound to the policy that was in force for it.
  auto overlaid = policy::LoadPolicy(folder_.path() / "policy.yaml", {.region = "AT"});
  EXPECT_THAT(std::string(austrian.headers.Get("x-plumb-policy")), HasSubstr(overlaid->hash));
  EXPECT_EQ(Json(Send("GET", "/v1/exchanges/" + IdOf(austrian))).at("bound").at("policy").as_string(), overlaid->hash);
  EXPECT_THAT(std::string(kiosk.headers.Get("x-plumb-policy")), Not(HasSubstr(policy_.hash)));
  // An overlay's routes and prompts come with it.
  Ask("hello", {{"x-plumb-channel", "kiosk"}});
  EXPECT_EQ(vendor_.seen().back().body.at("messages").at(0).at("role").as_string(), "system");
}

TEST_F(StanceTest, ArmsChangeThePromptTheModelOrThePolicy) {
  Write("overlays: [{when: {region: DE}, +categories: [{id: keys, say: Nein.}]}]\n", "strict.yaml");
  ASSERT_NO_FATAL_FAILURE(Use(R"(routes:
  - match: {}
    split:
      name: trial
      arms: [{name: plain}, {name: brief, prompt: "Answer in one word."}, {name: other, model: second}, {name: strict, policy: strict.yaml}]
)"));
  std::map<std::string, int> dealt;
  for (int i = 0; i < 40; ++i) {
    const std::string user = fmt::format("user-{}", i);
    const auto answer = Ask("hello", {{"x-plumb-region", "DE"}}, {{"user", user}});
    const std::string arm(answer.headers.Get("x-plumb-arm"));
    EXPECT_EQ(Ask("again", {}, {{"user", user}}).headers.Get("x-plumb-arm"), arm);
    if (dealt[arm]++ > 0) continue;
    const auto seen = vendor_.seen();
    const json::object& body = seen[seen.size() - 2].body;
    EXPECT_EQ(body.at("model").as_string(), arm == "trial/other" ? "mock-2" : "mock-1");
    EXPECT_EQ(body.at("messages").as_array().size(), arm == "trial/brief" ? 2u : 1u) << arm;
    const std::string policy(answer.headers.Get("x-plumb-policy"));
    EXPECT_EQ(policy.ends_with(policy_.hash), arm != "trial/strict") << policy;
    EXPECT_EQ(Json(Send("GET", "/api/exchanges/" + IdOf(answer))).at("arm").as_string(), arm);
    if (arm != "trial/strict") continue;
    EXPECT_THAT(Ask("SECRET-1234", {{"x-plumb-region", "DE"}}, {{"user", user}}).body, HasSubstr("Nein.")) << "with its own overlays";
  }
  EXPECT_EQ(dealt.size(), 4u);
}

TEST_F(StanceTest, AnArmsModelMustBeHere) {
  Write("routes: [{match: {}, split: {arms: [{name: a}, {name: b, model: secnd}]}}]\n");
  policy_ = *policy::LoadPolicy(folder_.path() / "policy.yaml");
  GatewayOptions options;
  options.listen = {"127.0.0.1", 0, ""};
  options.policy = policy_;
  options.models = {{"second", "vendor:x", false}};
  options.providers = {{.name = "vendor", .url = vendor_.url()}};
  options.ledger = folder_.path() / "other.db";
  auto made = net::Wait(io_.executor(), [](asio::any_io_executor executor, GatewayOptions options) -> asio::awaitable<Result<std::unique_ptr<Gateway>>> {
    co_return Gateway::Start(executor, std::move(options));
  }(io_.executor(), options));
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().Text(), HasSubstr("the arm 'b' of the policy's split: no model 'secnd' here, did you mean 'second'?"));
}

TEST_F(StanceTest, ShadowsAreRecordedAndNeverEnforced) {
  Write("  - {id: hello, about: Greetings., detect: [{name: hello, regex: hello}], on: {input: block, output: block}}\n", "shadow.yaml");
  ASSERT_NO_FATAL_FAILURE(Use("routes: [{match: {}, shadow: shadow.yaml}]\n"));
  const auto answer = Ask("hello there");
  EXPECT_EQ(Content(Json(answer)), "You said: hello there");
  auto entries = Shadows(1);
  ASSERT_EQ(entries.size(), 1u);
  const json::object& body = entries[0].body;
  EXPECT_EQ(body.at("exchange").as_string(), IdOf(answer));
  EXPECT_EQ(body.at("policy").at("hash").as_string(), policy::LoadPolicy(folder_.path() / "shadow.yaml")->hash);
  EXPECT_EQ(body.at("action").as_string(), "block");
  EXPECT_EQ(body.at("clause").as_string(), "hello");
  EXPECT_EQ(body.at("output").at("action").as_string(), "block");
  EXPECT_EQ(body.at("in_force").at("action").as_string(), "allow");
  EXPECT_TRUE(body.at("differs").as_bool());
  EXPECT_THAT(entries[0].entry, Not(HasSubstr("there"))) << "no text";
  Ask("good day", {}, {{"stream", true}});
  ASSERT_EQ(Shadows(2).size(), 2u);
  EXPECT_FALSE(Shadows(2)[0].body.at("differs").as_bool());
  EXPECT_EQ(Newest().at("action").as_string(), "allow");
  for (int i = 0; i < 100 && !Send("GET", "/metrics").body.contains("result=\"agrees\""); ++i) std::this_thread::sleep_for(20ms);
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("plumb_shadow_verdicts_total{policy=\"shop\",result=\"differs\"} 1"));
}

TEST_F(StanceTest, NobodyWaitsForAShadowAtTheEnd) {
  Write("", "shadow.yaml");
  ASSERT_NO_FATAL_FAILURE(Use("routes: [{match: {}, shadow: [shadow.yaml]}]\n"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask("hello").status, 200);
  Stop();  // whatever still waits is let go, and nothing waits for it
  gateway_.reset();
}

}  // namespace
}  // namespace plumb::gateway
