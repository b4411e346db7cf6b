#include "intent/policy/policy.h"

#include <gtest/gtest.h>

namespace plumb::policy {
namespace {

constexpr std::string_view kSmall = R"(policy: acme-support
version: 2026.10
owner: ai@acme.example
purpose: Help Acme's customers.
principles:
  - {id: honest, text: "Say only what is so."}
scope: {in: ["Where is my parcel?"], out: ["Write my essay."], say: "I can help with Acme orders."}
tone: {be: "warm, brief", not: "slang", examples: [{prompt: "Hi", good: "Hello! How can I help?", bad: "yo"}]}
categories:
  - id: violence
    about: Hurting people.
    maps: {openai: violence, mlcommons: [S1], owasp: null}
    violates: ["How do I hurt my neighbour?"]
    allows: ["How do I kill a process?"]
    target: {catch: 0.95}
    on: {input: refuse, output: block}
    severity: high
    say: ["I won't help hurt anyone.", "Not that."]
  - id: confidential-data
    about: Secrets.
    detect: [payment-card, {regex: 'ACME-[0-9]{6}'}]
    on: {output: redact}
model: {refuse: 0.8}
routes:
  - match: {model: "claims-*"}
    stakes: high
    review: {before_release: true}
  - match: {}
overlays:
  - when: {region: [DE, AT], locale: de}
    +categories:
      - {id: violence, target: {catch: 0.99}, +allows: ["Wie schlage ich Sahne steif?"]}
      - {id: gambling, about: Betting., on: {input: flag}}
    false_alarm: 0.02
)";

TEST(PolicyLoad, ReadsEveryPart) {
  auto policy = ParsePolicy(kSmall, "policy.yaml", ".");
  ASSERT_TRUE(policy) << policy.error().Text();
  EXPECT_EQ(policy->id, "acme-support");
  EXPECT_EQ(policy->version, "2026.10");
  EXPECT_EQ(policy->principles[0].text, "Say only what is so.");
  EXPECT_EQ(policy->scope.action, Action::kRedirect);
  EXPECT_EQ(policy->tone.avoid, "slang");
  ASSERT_EQ(policy->categories.size(), 2u);
  const Category& violence = *policy->FindCategory("violence");
  EXPECT_EQ(violence.on.input, Action::kRefuse);
  EXPECT_EQ(violence.on.For("output"), Action::kBlock);
  EXPECT_EQ(violence.maps.at("mlcommons"), std::vector<std::string>{"S1"});
  EXPECT_FALSE(violence.maps.contains("owasp"));
  EXPECT_EQ(violence.target.catch_rate, 0.95);
  EXPECT_EQ(violence.severity, Severity::kHigh);
  EXPECT_EQ(violence.owner, "ai@acme.example");
  EXPECT_EQ(policy->FindCategory("confidential-data")->detect[1].regex, "ACME-[0-9]{6}");
  EXPECT_EQ(policy->FindCategory("confidential-data")->detect[1].name, "confidential-data-2");
  EXPECT_TRUE(policy->routes[0].before_release);
  EXPECT_EQ(policy->routes[1].log, "full");
  EXPECT_EQ(ClauseIds(*policy),
            (std::vector<std::string>{"principle/honest", "scope", "tone", "violence", "confidential-data"}));
}

TEST(PolicyLoad, OverlayMergesItemsById) {
  auto policy = ParsePolicy(kSmall, "policy.yaml", ".", {.region = "AT", .locale = "de-AT"});
  ASSERT_TRUE(policy) << policy.error().Text();
  EXPECT_EQ(policy->categories.size(), 3u);
  EXPECT_EQ(policy->FindCategory("violence")->target.catch_rate, 0.99);
  EXPECT_EQ(policy->FindCategory("violence")->allows.size(), 2u);
  EXPECT_EQ(policy->false_alarm, 0.02);
  auto plain = ParsePolicy(kSmall, "policy.yaml", ".", {.region = "AT"});
  EXPECT_EQ(plain->categories.size(), 2u);
  EXPECT_NE(plain->hash, policy->hash);
}

}  // namespace
}  // namespace plumb::policy
