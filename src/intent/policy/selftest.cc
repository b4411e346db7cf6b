#include "intent/policy/selftest.h"

#include <re2/re2.h>

#include <algorithm>
#include <memory>

namespace plumb::policy {
namespace {

constexpr const char* kTestedDirections[] = {"input", "output", "tool_call", "tool_result", "document"};

std::string Shorten(std::string_view text) { return text.size() <= 60 ? std::string(text) : ToUtf8(text.substr(0, 57)) + "..."; }

// The policy's regular expressions, compiled once.
class Patterns {
 public:
  explicit Patterns(const Policy& policy) {
    for (const Category& category : policy.categories)
      for (const Detector& detector : category.detect)
        if (!detector.regex.empty()) patterns_.push_back({category.id, detector.name, std::make_unique<RE2>(detector.regex, RE2::Quiet)});
  }
  // The names of the patterns of `clause` that match.
  std::vector<std::string> Match(std::string_view clause, const std::string& text) const {
    std::vector<std::string> out;
    for (const auto& each : patterns_)
      if (each.clause == clause && RE2::PartialMatch(text, *each.regex)) out.push_back(each.name);
    return out;
  }
  std::vector<std::string> Clauses() const {
    std::vector<std::string> out;
    for (const auto& each : patterns_)
      if (std::find(out.begin(), out.end(), each.clause) == out.end()) out.push_back(each.clause);
    return out;
  }

 private:
  struct Pattern {
    std::string clause, name;
    std::unique_ptr<RE2> regex;
  };
  std::vector<Pattern> patterns_;
};

void TestPatterns(const Policy& policy, SelfTest& test) {
  const Patterns patterns(policy);
  const std::vector<Example> examples = Examples(policy);
  for (const std::string& clause : patterns.Clauses()) {
    ClauseResult result{.clause = clause};
    for (const Example& each : examples) {
      if (each.clause != clause && each.clause != kOrdinary) continue;
      const auto names = patterns.Match(clause, each.text);
      ++(each.violates ? result.violating : result.allowed);
      if (names.empty()) continue;
      ++(each.violates ? result.caught : result.alarms);
      if (!each.violates)
        test.failures.push_back(fmt::format("{}: the pattern '{}' matches \"{}\", which the policy allows", clause, names[0], Shorten(each.text)));
    }
    test.clauses.push_back(std::move(result));
  }
}

bool Fires(const Escalation& rule, const Category& category, std::string_view direction) {
  const Action action = std::max(category.on.For(direction), category.detect.empty() ? Action::kAllow : category.on_detect.For(direction));
  for (const auto& [key, value] : rule.when) {
    if (key == "clause" && value != category.id) return false;
    if (key == "severity" && value != SeverityName(category.severity)) return false;
    if (key == "direction" && value != direction) return false;
    if (key == "action" && value != ActionName(category.on.For(direction)) && value != ActionName(category.on_detect.For(direction))) return false;
    if (key == "risk" && std::find(category.risk.begin(), category.risk.end(), value) == category.risk.end()) return false;
  }
  return action != Action::kAllow;
}

std::string WhenWords(const Escalation& rule) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : rule.when) parts.push_back(key + ": " + value);
  return "{" + Join(parts, ", ") + "}";
}

// Rules about scope, tone or principles are fired by review, not by a category.
bool AboutOtherClause(const Policy& policy, const Escalation& rule) {
  const auto clause = rule.when.find("clause");
  return clause != rule.when.end() && !policy.FindCategory(clause->second);
}

void TestEscalation(const Policy& policy, SelfTest& test) {
  for (const Escalation& rule : policy.escalation) {
    bool fires = AboutOtherClause(policy, rule);
    for (const Category& category : policy.categories)
      for (const char* direction : kTestedDirections) fires |= Fires(rule, category, direction);
    if (!fires) test.failures.push_back(fmt::format("escalation: the rule for {} can never happen: nothing is watched for there", WhenWords(rule)));
  }
  for (const Category& category : policy.categories)
    if (category.severity == Severity::kCritical && category.on.output != Action::kAllow && EscalationsFor(policy, category, "output").empty())
      test.failures.push_back(fmt::format("escalation: an answer that violates '{}' (critical) would open nothing; add a rule for it", category.id));
}

Status TestGuard(const Policy& policy, const GuardFunction& guard, SelfTest& test) {
  std::vector<Example> examples;
  std::vector<std::string> texts;
  for (Example& each : Examples(policy)) {
    if (each.split != Split::kTest || each.clause == "tone" || each.clause.starts_with("principle/")) continue;
    texts.push_back(each.text);
    examples.push_back(std::move(each));
  }
  PLUMB_TRY(const auto verdicts, guard(texts));
  if (verdicts.size() != texts.size()) return Fail(Code::kInternal, "the guard answered {} of {} texts", verdicts.size(), texts.size());
  int ordinary = 0, alarms = 0;
  for (const Category& category : policy.categories) {
    ClauseResult result{.clause = category.id};
    for (size_t i = 0; i < examples.size(); ++i) {
      if (examples[i].clause != category.id) continue;
      const bool acted = examples[i].violates ? verdicts[i].contains(category.id) : !verdicts[i].empty();
      ++(examples[i].violates ? result.violating : result.allowed);
      if (acted) ++(examples[i].violates ? result.caught : result.alarms);
    }
    if (category.on.input != Action::kAllow && result.violating > 0 && result.caught < category.target.catch_rate * result.violating)
      test.failures.push_back(fmt::format("{}: {} of {} violating test examples are caught; the target is {:g} %", category.id, result.caught,
                                          result.violating, 100 * category.target.catch_rate));
    test.clauses.push_back(std::move(result));
  }
  for (size_t i = 0; i < examples.size(); ++i) {
    if (examples[i].clause != kOrdinary) continue;
    ++ordinary;
    alarms += !verdicts[i].empty();
  }
  if (ordinary && alarms > policy.false_alarm * ordinary)
    test.failures.push_back(fmt::format("ordinary: {} of {} everyday test prompts raise an alarm; the budget is {:g} %", alarms, ordinary, 100 * policy.false_alarm));
  test.with_guard = true;
  return {};
}

}  // namespace

std::vector<const Escalation*> EscalationsFor(const Policy& policy, const Category& category, std::string_view direction) {
  std::vector<const Escalation*> out;
  for (const Escalation& rule : policy.escalation)
    if (Fires(rule, category, direction)) out.push_back(&rule);
  return out;
}

Result<SelfTest> TestPolicy(const Policy& policy, const GuardFunction& guard) {
  SelfTest test;
  TestPatterns(policy, test);
  TestEscalation(policy, test);
  if (guard) {
    test.clauses.clear();
    PLUMB_CHECK(TestGuard(policy, guard, test));
  }
  return test;
}

}  // namespace plumb::policy
