// What the policy tells people: diff, coverage, self-test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "intent/policy/coverage.h"
#include "intent/policy/diff.h"
#include "intent/policy/selftest.h"

namespace plumb::policy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Text(std::string_view rest) {
  return "policy: p\nversion: 1\nowner: o@example.org\npurpose: Help.\nprinciples: [{id: honest, text: Be honest.}]\n" + std::string(rest);
}

Policy ParseWords(std::string_view rest) {
  auto policy = ParsePolicy(Text(rest), "p.yaml", ".");
  EXPECT_TRUE(policy) << policy.error().Text();
  return policy ? std::move(*policy) : Policy();
}

TEST(PolicyDiff, SaysBehavioursInWordsAndWhatIsStale) {
  const Policy before = ParseWords(
      "categories:\n  - {id: a, about: A., on: {input: flag}, violates: [x, y], allows: [z]}\n  - {id: gone, about: G., on: {input: block}}\n");
  const Policy after = ParseWords(
      "categories:\n  - {id: a, about: A., on: {input: refuse}, violates: [x, z], allows: [w], target: {catch: 0.95}}\n"
      "  - {id: new, about: N., on: {output: block}}\nfalse_alarm: 0.02\n");
  const PolicyDiff diff = DiffPolicies(before, after);
  std::vector<std::string> lines;
  for (const Change& each : diff.changes) lines.push_back(each.clause + ": " + each.words);
  EXPECT_THAT(lines, ElementsAre("gone: is no longer watched for: milder", "a: requests are now refused (were flagged): stricter",
                                 "a: catches at least 95 % with confidence 0.95 (was 90 %, 0.95)", "new: is now watched for: N.",
                                 "a: 1 examples added, 1 removed, 1 changed sides", "a: \"z\" was welcome and is now unwelcome",
                                 "policy: false alarms on ordinary traffic may be at most 2 % (was 1 %)"));
  EXPECT_THAT(diff.Stale()["thresholds"], ElementsAre("gone", "a", "new", "policy"));
  EXPECT_THAT(diff.Stale()["prompt"], ElementsAre("gone", "new"));
}

TEST(PolicyDiff, WordsThatChangedSidesAreSeenAcrossClauses) {
  const Policy before = ParseWords("scope: {in: [sing, dance, walk], out: [swim], say: no}\ncategories: [{id: a, about: A., on: {input: flag}, violates: [fly]}]\n");
  const Policy after = ParseWords("scope: {in: [sing, swim], out: [walk], say: no}\ncategories: [{id: b, about: B., on: {input: flag}, violates: [dance], allows: [fly]}]\n");
  std::vector<std::string> lines;
  for (const Change& each : DiffPolicies(before, after).changes) lines.push_back(each.clause + ": " + each.words);
  EXPECT_THAT(lines, testing::IsSupersetOf({"scope: \"swim\" was unwelcome and is now welcome", "scope: \"walk\" was welcome and is now unwelcome",
                                            "b: \"fly\" was unwelcome (a) and is now welcome", "b: \"dance\" was welcome (scope) and is now unwelcome"}));
  EXPECT_THAT(lines, testing::Not(Contains(HasSubstr("sing"))));
}

TEST(PolicyDiff, OfAPolicyWithItselfIsEmpty) {
  auto policy = LoadPolicy(fs::path(PLUMB_SOURCE_DIR) / "policies/creative.yaml");
  ASSERT_TRUE(policy);
  EXPECT_THAT(DiffPolicies(*policy, *policy).changes, IsEmpty());
}

TEST(PolicyDiff, EachChangedPartIsSeen) {
  const std::string base = "categories: [{id: a, about: A., on: {input: flag}}]\n";
  for (const char* change : {"routes: [{match: {}, log: hashed}]\n", "languages: {supported: [en]}\n", "cadence: {grading: weekly}\n",
                             "model: {refuse: 0.9}\n", "tone: {be: warm}\n", "scope: {in: [x], say: no}\n",
                             "obligations: [{id: x, practice: y}]\n", "approved: {by: me}\n"})
    EXPECT_THAT(DiffPolicies(ParseWords(base), ParseWords(base + change)).changes, testing::Not(IsEmpty())) << change;
}

const CoverageRow& Row(const Coverage& coverage, std::string_view clause) {
  for (const CoverageRow& row : coverage.rows)
    if (row.clause == clause) return row;
  throw std::runtime_error("no row");
}

TEST(PolicyCoverage, CountsWhatIsOnDiskAndNamesHoles) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "suites/one/cases.jsonl", R"({"id":1,"clause":"a"})" "\n" R"({"id":2,"clause":"a","attack":"base64"})" "\n"));
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "guard/guard.json", R"({"heads":["a"]})"));
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "pairs.jsonl", R"({"clause":"b","prompt":"x"})" "\n"));
  const Policy policy = ParseWords("categories:\n  - {id: a, about: A., on: {input: refuse}}\n  - {id: b, about: B., on: {input: allow}}\n");
  const Time now = *ParseTime("2026-11-21T09:00:00Z");
  auto coverage = CoverageOf(policy, {.suites = {folder.path() / "suites"}, .guard = folder.path() / "guard", .pairs = folder.path() / "pairs.jsonl",
                                      .evidence = {{"a", now - std::chrono::hours(24 * 100)}, {"b", now}}, .now = now});
  ASSERT_TRUE(coverage) << coverage.error().Text();
  const auto& a = Row(*coverage, "a").cells;
  EXPECT_EQ(a[1].text, "2");
  EXPECT_EQ(a[2].text, "1");
  EXPECT_EQ(a[3].text, "guard");
  EXPECT_THAT(coverage->holes, Contains(HasSubstr("a: examples (0 violating, 0 allowed")));
  EXPECT_THAT(coverage->holes, Contains("a: pairs (none)"));
  EXPECT_THAT(coverage->holes, Contains("a: evidence age (100 d, older than 90 d)"));
  EXPECT_THAT(coverage->holes, Contains(HasSubstr("b: detector (no head in guard.json")));
  EXPECT_THAT(coverage->holes, Contains("b: control (everything is let through)"));
  EXPECT_THAT(coverage->not_applicable, IsEmpty());
}

TEST(PolicyDiff, APrincipleMeasuredByOtherSuitesIsSeen) {
  auto with = [](std::string_view suites) {
    return *ParsePolicy(fmt::format("policy: p\nversion: 1\nowner: o@example.org\npurpose: Help.\nprinciples: [{{id: kind, text: Be kind., suites: [{}]}}]\n"
                                    "categories: [{{id: a, about: A., on: {{input: flag}}}}]\n", suites), "p.yaml", ".");
  };
  const PolicyDiff diff = DiffPolicies(with("one"), with("one, two"));
  ASSERT_EQ(diff.changes.size(), 1u);
  EXPECT_EQ(diff.changes[0].clause, "principle/kind");
  EXPECT_EQ(diff.changes[0].words, "is measured by other suites");
}

TEST(PolicyCoverage, OfTwoSuitesWithOneNameTheFirstFoldersCounts) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "own/one/cases.jsonl", R"({"id":1,"clause":"a"})" "\n"));
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "shipped/one/cases.jsonl", R"({"id":1,"clause":"a"})" "\n" R"({"id":2,"clause":"a"})" "\n"));
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "shipped/two/cases.jsonl", R"({"id":1,"clause":"a"})" "\n"));
  auto coverage = CoverageOf(ParseWords("categories: [{id: a, about: A., on: {input: refuse}}]\n"), {.suites = {folder.path() / "own", folder.path() / "shipped"}});
  ASSERT_TRUE(coverage) << coverage.error().Text();
  EXPECT_EQ(Row(*coverage, "a").cells[1].text, "2");
}

TEST(PolicyCoverage, AHarmlessControlInAWrapperIsNoAttack) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "one/cases.jsonl", R"({"id":1,"clause":"a","expect":"comply","wrapper":"persona"})" "\n"));
  auto coverage = CoverageOf(ParseWords("categories: [{id: a, about: A., on: {input: refuse}}]\n"), {.suites = {folder.path()}});
  ASSERT_TRUE(coverage) << coverage.error().Text();
  EXPECT_EQ(Row(*coverage, "a").cells[1].text, "1");
  EXPECT_THAT(coverage->holes, Contains("a: attacks (none)"));
}

TEST(PolicyCoverage, ARowBoundToAPrincipleCountsOnceAndForNoOther) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "own/cases.jsonl", R"({"id":1,"clause":"principle/kind"})" "\n" R"({"id":2,"clause":"principle/kind"})" "\n"
                                                                 R"({"id":3,"clause":"principle/brief"})" "\n"));
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "plain/cases.jsonl", R"({"id":1})" "\n" R"({"id":2,"clause":"a"})" "\n" R"({"id":3,"clause":"principle/kind"})" "\n"));
  auto policy = ParsePolicy("policy: p\nversion: 1\nowner: o@example.org\npurpose: Help.\n"
                            "principles:\n  - {id: kind, text: Be kind., suites: [own]}\n  - {id: brief, text: Be brief., suites: [own, plain]}\n"
                            "  - {id: lonely, text: Alone.}\ncategories: [{id: a, about: A., on: {input: refuse}}]\n",
                            "p.yaml", ".");
  ASSERT_TRUE(policy) << policy.error().Text();
  auto coverage = CoverageOf(*policy, {.suites = {folder.path()}});
  ASSERT_TRUE(coverage) << coverage.error().Text();
  EXPECT_EQ(Row(*coverage, "principle/kind").cells[1].text, "3");
  EXPECT_EQ(Row(*coverage, "principle/brief").cells[1].text, "3");  // its own, and the two of `plain` that are not another's
  EXPECT_EQ(Row(*coverage, "principle/lonely").cells[1].state, CellState::kHole);
}

TEST(PolicyCoverage, NothingToLookAtIsNeitherGoodNorAHole) {
  auto coverage = CoverageOf(ParseWords("categories: [{id: a, about: A., on: {input: refuse}}]\n"), {.suites = {"nowhere"}, .guard = "nowhere", .pairs = "nowhere"});
  ASSERT_TRUE(coverage);
  EXPECT_EQ(coverage->holes.size(), 1u);  // examples
  EXPECT_EQ(coverage->not_applicable.size(), 4u);
  for (int column : {1, 2, 3, 4, 7}) EXPECT_EQ(Row(*coverage, "a").cells[column].state, CellState::kNotApplicable);
}

TEST(PolicyCoverage, BrokenSuiteIsAnError) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "cases.jsonl", "{\"clause\":"));
  EXPECT_FALSE(CoverageOf(ParseWords("categories: [{id: a, about: A., on: {input: refuse}}]\n"), {.suites = {folder.path()}}));
}

TEST(PolicySelfTest, FindsPatternsThatHitAllowedExamples) {
  auto test = TestPolicy(ParseWords("categories:\n  - {id: a, about: A., on: {output: redact}, detect: [{name: order, regex: 'ACME-[0-9]+'}], "
                               "violates: ['ACME-12'], allows: ['ACME-7 is a bus line', 'Acme']}\n"));
  ASSERT_TRUE(test);
  EXPECT_THAT(test->failures, ElementsAre("a: the pattern 'order' matches \"ACME-7 is a bus line\", which the policy allows"));
  EXPECT_EQ(test->clauses[0].caught, 1);
}

TEST(PolicySelfTest, FindsRulesThatCannotHappenAndSilenceWhereItIsCritical) {
  const std::string category = "categories: [{id: a, about: A., severity: critical, on: {output: block}}]\n";
  auto silent = TestPolicy(ParseWords(category));
  EXPECT_THAT(silent->failures, ElementsAre(HasSubstr("an answer that violates 'a' (critical) would open nothing")));
  auto never = TestPolicy(ParseWords(category + "escalation: [{when: {direction: document}, open: review}, {when: {severity: critical}, open: incident}]\n"));
  EXPECT_THAT(never->failures, ElementsAre(HasSubstr("the rule for {direction: document} can never happen")));
}

TEST(PolicySelfTest, HoldsAGuardToTheTargets) {
  std::string rest = "categories:\n  - id: a\n    about: A.\n    on: {input: refuse}\n    violates:\n";
  for (int i = 0; i < 60; ++i) rest += fmt::format("      - word{} other{}\n", i, i * 7);
  const Policy policy = ParseWords(rest);
  auto all = TestPolicy(policy, [](const auto& texts) { return std::vector<std::set<std::string>>(texts.size(), {"a"}); });
  auto none = TestPolicy(policy, [](const auto& texts) { return std::vector<std::set<std::string>>(texts.size()); });
  EXPECT_THAT(all->failures, IsEmpty());
  EXPECT_THAT(none->failures, ElementsAre(HasSubstr("a: 0 of ")));
  auto broken = TestPolicy(policy, [](const auto&) -> Result<std::vector<std::set<std::string>>> { return Fail(Code::kUnavailable, "gone"); });
  EXPECT_FALSE(broken);
}

TEST(PolicyFewShots, ComeFromTheTrainingSplitOnly) {
  auto policy = LoadPolicy(fs::path(PLUMB_SOURCE_DIR) / "policies/support-desk.yaml");
  ASSERT_TRUE(policy);
  std::map<std::string, Split> splits;
  for (const Example& each : Examples(*policy)) splits[each.prompt.empty() ? each.text : each.prompt] = each.split;
  const auto shots = FewShots(*policy, 20);
  EXPECT_GE(shots.size(), 8u);
  for (const Shot& shot : shots) EXPECT_EQ(splits.at(shot.request), Split::kTrain) << shot.request;
  EXPECT_EQ(FewShots(*policy, 2).size(), 2u);
  EXPECT_THAT(FewShots(*policy, 0), IsEmpty());
}

}  // namespace
}  // namespace plumb::policy
