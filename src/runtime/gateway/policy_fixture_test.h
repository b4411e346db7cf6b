// A gateway under a policy of the test's own, with a reviewer's key.
#pragma once

#include <gmock/gmock.h>

#include "runtime/gateway/gateway_fixture_test.h"

namespace plumb::gateway {

inline constexpr char kReviewerKey[] = "plumb-reviewer";
// The shop's policy, which also blocks the prompt's mark.
inline const std::string kPolicyHead = ShopPolicy() + R"(  - id: marks
    about: The system prompt.
    detect: [canary]
    on: {output: block}
    say: My instructions stay here.
)";
// A category that waits for a person.
inline constexpr char kAdvice[] = R"(  - id: advice
    about: Advice.
    detect: [{name: advice, regex: 'ADVICE'}]
    on: {output: hold}
)";

class PolicyTest : public GatewayTest {
 protected:
  void SetUp() override { key_ = NewKey(); }
  void TearDown() override {
    if (gateway_) Stop();
  }
  void Configure(GatewayOptions& options) override {
    options.keys.push_back({"ann", {{HashKey(kReviewerKey)}}, "reviewer"});
    options.models.push_back({"second", "vendor:mock-2", false});
  }
  // `more` follows the categories; `name` is another file beside the policy.
  void Write(const std::string& more, const std::string& name = "policy.yaml") {
    ASSERT_TRUE(WriteFileAtomic(folder_.path() / name, kPolicyHead + more));
  }
  void Use(const std::string& more) {
    Write(more);
    auto policy = policy::LoadPolicy(folder_.path() / "policy.yaml");
    ASSERT_TRUE(policy) << policy.error().Text();
    policy_ = *policy;
    Start();
  }
  net::ClientResponse Ask(const std::string& text, net::Headers headers = {}, json::object more = {}) {
    json::object body = std::move(more);
    if (!body.contains("model")) body["model"] = "mock";
    if (!body.contains("messages")) body["messages"] = json::array{json::object{{"role", "user"}, {"content", text}}};
    return Send("POST", "/v1/chat/completions", ToJson(body), std::move(headers));
  }
  // The vendor's next answer is one call of a tool.
  void CallTool(const std::string& name, const std::string& arguments) {
    const json::value call = {{"id", "call_1"}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
    const json::value answer = {{"id", "x"}, {"object", "chat.completion"}, {"created", 1}, {"model", "mock-1"},
                                {"choices", json::array{json::object{{"index", 0}, {"finish_reason", "tool_calls"},
                                    {"message", {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", json::array{call}}}}}}},
                                {"usage", {{"prompt_tokens", 7}, {"completion_tokens", 5}}}};
    vendor_.Plan({.kind = provider::MockFault::kStatus, .status = 200, .body = ToJson(answer)});
  }
  net::ClientResponse Decide(const std::string& id, const json::object& decision, const std::string& key = kReviewerKey) {
    return Send("POST", "/api/held/" + id, ToJson(decision), {{"authorization", "Bearer " + key}});
  }
  static std::string IdOf(const net::ClientResponse& answer) { return std::string(answer.headers.Get("x-plumb-exchange")); }
  std::vector<ledger::Stored> Entries(const std::string& kind) {
    auto ledger = ledger::Ledger::Open(folder_.path() / "ledger.db", {.read_only = true});
    EXPECT_TRUE(ledger) << ledger.error().Text();
    ledger::Query query;
    query.kind = kind;
    auto entries = (*ledger)->List(query);
    return entries ? *entries : std::vector<ledger::Stored>();
  }
};

}  // namespace plumb::gateway
