#include "measure/eval/declared_gate.h"

#include <gtest/gtest.h>

#include "measure/eval/gate_report.h"
#include "measure/eval/made_run_test.h"

namespace plumb::eval {
namespace {

constexpr const char* kSmall = R"(gate: g
owner: us
baseline: {last: accepted}
require:
  - {suite: made, metric: scored, no_worse_by: 0.05, at_least: 0.5}
)";

TEST(Declaration, SaysEverythingThatIsWrongAtOnceAndWhere) {
  const auto wrong = ParseDeclaration(R"(gate: g
owner: us
alpha: 2
baseline: {pined: x}
require:
  - {suite: a, metric: unsafe refusd, no_worse_by: 0.05}
  - {suite: a, metric: scored}
approvers: [{name: us, key: 12}]
)", "g.yaml");
  ASSERT_FALSE(wrong);
  for (const char* part : {"g.yaml:3:", "'alpha' must be a number", "unknown key 'pined'", "did you mean 'pinned'", "did you mean 'unsafe refused'",
                           "g.yaml:7:", "needs one of no_worse_by", "64 hexadecimal digits", "may not grant exceptions"})
    EXPECT_NE(wrong.error().message.find(part), std::string::npos) << part << "\n" << wrong.error().message;
}

TEST(Declaration, OneRowMayRequireSeveralThings) {
  const auto one = ParseDeclaration(kSmall, "folder/g.yaml");
  ASSERT_TRUE(one) << one.error().Text();
  ASSERT_EQ(one->require.size(), 2u);
  EXPECT_EQ(one->require[0].id, "made/scored.no-worse");
  EXPECT_EQ(one->require[1].id, "made/scored.at-least");
  EXPECT_EQ(one->baseline, "folder/accepted");
}

data::Suite SuiteOfCases(int n) {
  data::Suite suite{.name = "made", .path = "made", .sha256 = "00", .cases = {}};
  for (int i = 0; i < n; ++i)
    suite.cases.push_back(data::ParseCase({{"id", fmt::format("c{}", i)}, {"prompt", "p"}, {"expect", "score"}, {"scorer", {{"type", "length"}, {"min_words", 1}}}}, "row").value());
  for (data::Case& one : suite.cases) one.group = one.id;
  return suite;
}

TEST(Plan, SaysHowManyCasesAreMissing) {
  const Declaration declaration = ParseDeclaration(kSmall, "g.yaml").value();
  const Plan few = PlanGate(declaration, {SuiteOfCases(40)}).value(), many = PlanGate(declaration, {SuiteOfCases(400)}).value();
  EXPECT_FALSE(few.enough);
  EXPECT_TRUE(many.enough);
  EXPECT_LT(few.rows[0].power, 0.8);
  EXPECT_GE(many.rows[0].power, 0.8);
  EXPECT_EQ(few.rows[0].needed, many.rows[0].needed);
  // What it says is needed is.
  EXPECT_TRUE(PlanGate(declaration, {SuiteOfCases(static_cast<int>(few.rows[0].needed))})->rows[0].enough);
  EXPECT_FALSE(PlanGate(declaration, {}));
  EXPECT_NE(PlanTable(few).find("TOO FEW"), std::string::npos);
}

Run Made(const std::string& id, const std::string& created, int n, int passed) {
  std::vector<std::string> outputs;
  for (int i = 0; i < n; ++i) outputs.push_back(fmt::format("answer {}", i));
  Run run = RunOf(id, outputs);
  run.created = created;
  for (int i = 0; i < n; ++i) run.samples[i].passed = i < passed;
  run.digest = RunDigest(run).value();
  return run;
}

TEST(Baseline, LastIsTheNewestBeforeTheCandidateAndBestTheBest) {
  Declaration declaration = ParseDeclaration(kSmall, "g.yaml").value();
  const std::vector<eval::Run> runs = {Made("a", "2026-01-01T00:00:00.000Z", 50, 45), Made("b", "2026-01-02T00:00:00.000Z", 50, 40),
                                 Made("later", "2026-01-09T00:00:00.000Z", 50, 50)};
  const eval::Run candidate = Made("new", "2026-01-05T00:00:00.000Z", 50, 44);
  EXPECT_EQ(ChooseBaseline(declaration, "made", runs, candidate)->id, "b");
  declaration.from = Declaration::From::kBest;
  EXPECT_EQ(ChooseBaseline(declaration, "made", runs, candidate)->id, "a");
  declaration.from = Declaration::From::kPinned;
  EXPECT_FALSE(ChooseBaseline(declaration, "made", runs, candidate));
  EXPECT_EQ(ChooseBaseline(declaration, "other", runs, candidate).error().code, Code::kNotFound);
}

TEST(Baseline, RunsAreFoundBelowAFolderAndAnEditedOneIsRefused) {
  TempFolder folder;
  for (const char* name : {"a", "b"}) ASSERT_TRUE(WriteRun(folder.path() / name / "run.json", Made(name, "2026-01-01T00:00:00.000Z", 3, 2)));
  EXPECT_EQ(FindRuns(folder.path())->size(), 2u);
  EXPECT_EQ(FindRuns(folder.path() / "a")->size(), 1u);
  std::string text = ReadFile(folder.path() / "b/run.json").value();
  text.replace(text.find("\"passed\": false"), 15, "\"passed\": true ");
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "b/run.json", text));
  EXPECT_EQ(FindRuns(folder.path()).error().code, Code::kCorrupt);
  EXPECT_EQ(FindRuns(folder.path() / "none").error().code, Code::kNotFound);
}

TEST(DeclaredGate, ASuiteThatWasNotRunCannotPass) {
  const Gate gate = DecideDeclared(ParseDeclaration(kSmall, "g.yaml").value(), {}, std::nullopt);
  EXPECT_EQ(gate.decision, Decision::kCouldNotTell);
  EXPECT_EQ(gate.checks.size(), 2u);
}

TEST(DeclaredGate, MarkdownCannotBeBrokenOutOf) {
  Gate gate;
  gate.name = "a|b";
  gate.checks.push_back({.id = "x", .statement = "a|b <img>", .finding = "one\n| two", .decision = Decision::kFailed, .measure = "", .exception = ""});
  const std::string text = GateMarkdown(gate);
  EXPECT_NE(text.find("a\\|b \\<img\\>"), std::string::npos) << text;
  EXPECT_NE(text.find("one \\| two"), std::string::npos) << text;
  EXPECT_EQ(GateBadge(gate).at("schemaVersion"), 1);
}

TEST(Lock, IsReadBackAsWritten) {
  TempFolder folder;
  const Lock lock{.declaration_sha256 = "aa", .time = "2026-01-01T00:00:00.000Z", .ledger_entry = "e1", .suites = {{"made", "00"}}, .baselines = {{"made", "sha256:1"}}};
  const fs::path file = LockFile(folder.path() / "gate.yaml");
  EXPECT_EQ(file.filename(), "gate.lock.json");
  ASSERT_TRUE(WriteFileAtomic(file, ToJson(LockJson(lock, {}))));
  const auto read = ReadLock(file);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->suites, lock.suites);
  EXPECT_EQ(read->baselines, lock.baselines);
  EXPECT_EQ(read->ledger_entry, "e1");
}

}  // namespace
}  // namespace plumb::eval
