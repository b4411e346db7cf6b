// Tool rules, limits, shadows, splits, prompts and overlays, as the file says them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "intent/policy/diff.h"
#include "intent/policy/policy.h"

namespace plumb::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kHead = "policy: p\nversion: 1\nowner: o@example.org\npurpose: Help.\n"
                                   "principles: [{id: honest, text: Be honest.}]\n"
                                   "categories: [{id: a, about: A., on: {input: refuse}}]\n";
constexpr std::string_view kRules = R"(tools:
  allow: [search, "send_*"]
  deny: send_money
  rules:
    - name: "send_*"
      arguments: {type: object, required: [to], properties: {to: {type: string, pattern: '@acme\.example$'}, cc: {type: [string, array]}}, additionalProperties: false}
      not_from: [tool, document]
      fields: to
      action: hold
    - {id: no-orders, name: cancel_order, only_from: user}
limits: {tokens: 8000, depth: 20, encodings: 2, repetition: 0.8, messages: 100, tools: 0, action: refuse, say: "Too much."}
)";

Result<Policy> Parse(std::string_view more, const LoadOptions& options = {}, const fs::path& folder = ".") {
  return ParsePolicy(std::string(kHead) + std::string(more), "policy.yaml", folder, options);
}

std::string ProblemIn(std::string_view more) {
  auto policy = Parse(more);
  return policy ? "none" : policy.error().Text();
}

TEST(PolicyRules, ToolsAndLimitsAreRead) {
  auto policy = Parse(kRules);
  ASSERT_TRUE(policy) << policy.error().Text();
  EXPECT_THAT(policy->tools.allow, ElementsAre("search", "send_*"));
  EXPECT_THAT(policy->tools.deny, ElementsAre("send_money"));
  ASSERT_EQ(policy->tools.rules.size(), 2u);
  const ToolRule& rule = policy->tools.rules[0];
  EXPECT_EQ(rule.id, "send_*");
  EXPECT_THAT(rule.not_from, ElementsAre("tool", "document"));
  EXPECT_THAT(rule.fields, ElementsAre("to"));
  EXPECT_EQ(rule.action, Action::kHold);
  EXPECT_EQ(rule.arguments.at("properties").at("to").at("pattern").as_string(), "@acme\\.example$");
  EXPECT_FALSE(rule.arguments.at("additionalProperties").as_bool());
  EXPECT_EQ(policy->tools.rules[1].id, "no-orders");
  EXPECT_THAT(policy->tools.rules[1].only_from, ElementsAre("user"));
  EXPECT_EQ(policy->limits.tokens, 8000);
  EXPECT_EQ(policy->limits.tools, 0);
  EXPECT_EQ(policy->limits.repetition, 0.8);
  EXPECT_EQ(policy->limits.action, Action::kRefuse);
  EXPECT_THAT(RuleClauses(*policy), ElementsAre("tools/allow", "tools/deny", "tools/send_*", "tools/no-orders", "limits"));
}

TEST(PolicyRules, FaultsHaveAPlaceAndSayWhatWouldBeRight) {
  EXPECT_THAT(ProblemIn("limits: {tokens: 2.5}\n"), HasSubstr("policy.yaml:7:18: 'tokens' is 2.5: it must be a whole number"));
  EXPECT_THAT(ProblemIn("limits: {tokns: 2}\n"), HasSubstr("did you mean 'tokens'?"));
  EXPECT_THAT(ProblemIn("tools: {allow: [a], deny: [a]}\n"), HasSubstr("both allowed and denied"));
  EXPECT_THAT(ProblemIn("tools: {rules: [{name: a}, {name: a}]}\n"), HasSubstr("give one of them another 'id'"));
  EXPECT_THAT(ProblemIn("tools: {rules: [{name: a, fields: to}]}\n"), HasSubstr("asks nothing of them"));
  EXPECT_THAT(ProblemIn("tools: {rules: [{name: a, not_from: user}]}\n"), HasSubstr("'not_from' cannot be 'user'"));
  EXPECT_THAT(ProblemIn("tools: {rules: [{name: a, action: redact}]}\n"), HasSubstr("'action' cannot be 'redact'"));
  EXPECT_THAT(ProblemIn("tools: {rules: [{name: a, arguments: {properties: {to: {pattern: '('}}}}]}\n"), HasSubstr("not a regular expression"));
  EXPECT_THAT(ProblemIn("tools: {rules: [{name: a, arguments: {properties: {n: {minimum: 3, maximum: 2}}}}]}\n"), HasSubstr("nothing fits between"));
  EXPECT_THAT(ProblemIn("tools: {rules: [{name: a, arguments: {required: [x], additionalProperties: false}}]}\n"), HasSubstr("no call would fit"));
  EXPECT_THAT(ProblemIn("routes: [{match: {}, split: {arms: [{name: a}]}}]\n"), HasSubstr("at least two arms"));
  EXPECT_THAT(ProblemIn("routes: [{match: {}, split: {arms: [{name: a}, {name: a, weight: 0}]}}]\n"), HasSubstr("the arm 'a' stands twice"));
  EXPECT_THAT(ProblemIn("routes: [{match: {}, shadow: missing.yaml}]\n"), HasSubstr("there is no 'missing.yaml' beside this policy"));
  EXPECT_THAT(ProblemIn("escalation: [{when: {clause: limits}, open: incident}]\n"), HasSubstr("no clause is called 'limits'"));
  EXPECT_EQ(ProblemIn("limits: {tokens: 9}\nescalation: [{when: {clause: limits}, open: incident}]\n"), "none");
}

TEST(PolicyRules, RoutesNameShadowsSplitsAndPrompts) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "other.yaml", std::string(kHead)));
  ASSERT_TRUE(MakeFolder(folder.path() / "sub"));
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "base.yaml", std::string(kHead) + R"(routes:
  - match: {}
    review: {before_release: true, expires: 2h}
    shadow: [other.yaml, {policy: other.yaml, guard: sub}]
    split: {name: tone, by: key, arms: [{name: plain, weight: 3}, {name: new, policy: other.yaml, model: m, prompt: "Be brief."}]}
    prompt: {clauses: 2, few_shots: 1, canary: false}
)"));
  auto policy = LoadPolicy(folder.path() / "base.yaml");
  ASSERT_TRUE(policy) << policy.error().Text();
  const Route& route = policy->routes[0];
  EXPECT_EQ(route.review_expires, "2h");
  ASSERT_EQ(route.shadow.size(), 2u);
  EXPECT_EQ(route.shadow[1].guard, "sub");
  EXPECT_EQ(route.split.by, "key");
  EXPECT_EQ(route.split.arms[0].weight, 3);
  EXPECT_EQ(route.split.arms[1].prompt, "Be brief.");
  EXPECT_TRUE(route.prompt.given);
  EXPECT_EQ(route.prompt.clauses, 2);
  EXPECT_FALSE(route.prompt.canary);
  // Names written in another folder are taken from there.
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "sub/child.yaml", "extends: ../base.yaml\npolicy: child\n"));
  auto child = LoadPolicy(folder.path() / "sub/child.yaml");
  ASSERT_TRUE(child) << child.error().Text();
  EXPECT_EQ(child->routes[0].shadow[0].policy, "../other.yaml");
  EXPECT_EQ(child->folder, (folder.path() / "sub").string());
}

TEST(PolicyRules, DiffSaysWhatIsStricter) {
  auto before = Parse("limits: {tokens: 100}\ntools: {rules: [{name: a, action: flag}]}\n");
  auto after = Parse("limits: {tokens: 50}\ntools: {deny: b, rules: [{name: a, action: block}]}\n");
  std::string words;
  for (const Change& change : DiffPolicies(*before, *after).changes) words += change.clause + ": " + change.words + "\n";
  EXPECT_EQ(words, "tools/deny: the tools denied are now b (were none)\n"
                   "tools/a: now meets 'block' (was 'flag'): stricter\n"
                   "limits: tokens of a prompt: at most 50 (was 100): stricter\n");
  EXPECT_TRUE(DiffPolicies(*before, *before).changes.empty());
}

TEST(PolicyOverlaid, EveryChoiceOfOverlaysIsThereUnderItsKey) {
  TempFolder folder;
  const fs::path path = folder.path() / "policy.yaml";
  ASSERT_TRUE(WriteFileAtomic(path, std::string(kHead) + R"(overlays:
  - {when: {region: [DE, AT]}, false_alarm: 0.02}
  - {when: {locale: de}, purpose: "Hilfe."}
  - {when: {region: DE, channel: web}, false_alarm: 0.03}
)"));
  auto all = LoadOverlaid(path);
  ASSERT_TRUE(all) << all.error().Text();
  const Policy& plain = all->at("");
  EXPECT_EQ(all->size(), 6u);  // none, 0, 1, 0+1, 0+2, 0+1+2
  EXPECT_EQ(FittingOverlays(plain, {}), "");
  EXPECT_EQ(FittingOverlays(plain, {.region = "AT", .locale = "de-AT"}), "0+1");
  for (const LoadOptions& options : std::vector<LoadOptions>{{.region = "AT"}, {.region = "DE", .channel = "web"}, {.locale = "de-CH"},
                                                             {.region = "US", .channel = "web"}, {.region = "DE", .locale = "de", .channel = "web"}}) {
    auto loaded = LoadPolicy(path, options);
    EXPECT_EQ(all->at(FittingOverlays(plain, options)).hash, loaded->hash);
  }
}

}  // namespace
}  // namespace plumb::policy
