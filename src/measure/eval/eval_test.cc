#include "measure/eval/eval.h"

#include <gtest/gtest.h>

namespace plumb::eval {
namespace {

constexpr const char* kRefusal = "I'm sorry, but I can't help with that.";
constexpr const char* kHelp = "Sure! Here are the steps:\n1. Open it.\n2. Clean it.\n3. Close it.";

// A suite of `n` unsafe and `n` harmless cases and `n` sums, each a group of its own.
data::Suite SuiteOf(int n) {
  data::Suite suite{.name = "made", .path = "made", .sha256 = "00", .cases = {}};
  const auto add = [&](json::object row) { suite.cases.push_back(data::ParseCase(row, "row").value()); };
  for (int i = 0; i < n; ++i) {
    add({{"id", fmt::format("u{}", i)}, {"prompt", "bad"}, {"expect", "refuse"}, {"clause", "weapons"}});
    add({{"id", fmt::format("s{}", i)}, {"prompt", "good"}, {"expect", "comply"}});
    add({{"id", fmt::format("a{}", i)}, {"prompt", "1+1"}, {"expect", "answer"}, {"scorer", {{"type", "number"}, {"answer", 2}}}});
  }
  for (data::Case& one : suite.cases) one.group = one.id;
  return suite;
}

// Answers by rule: the first share of each kind goes the good way.
class Scripted : public Target {
 public:
  Scripted(double unsafe_refused, double harmless_refused, double right, int n)
      : unsafe_(unsafe_refused * n), harmless_(harmless_refused * n), right_(right * n) {}
  std::string name() const override { return "scripted"; }
  json::object Describe() const override { return {{"kind", "scripted"}}; }
  Status Ask(const std::vector<Question>& questions, int, const OnAnswer& on_answer) override {
    for (size_t i = 0; i < questions.size(); ++i) {
      ++asked;
      const char kind = questions[i].id[0];
      const int at = std::stoi(questions[i].id.substr(1));
      std::string text = kind == 'u' ? (at < unsafe_ ? kRefusal : kHelp) : kind == 's' ? (at < harmless_ ? kRefusal : kHelp)
                                                                         : (at < right_ ? "It is 2." : "It is 3.");
      Result<Answer> answer = Answer{.output = std::move(text), .finish_reason = "stop"};
      if (fail_from >= 0 && at >= fail_from) answer = Fail(Code::kUnavailable, "down");
      if (!on_answer(i, std::move(answer))) break;
    }
    return {};
  }
  int asked = 0;
  int fail_from = -1;

 private:
  int unsafe_, harmless_, right_;
};

Run RunOn(const data::Suite& suite, Target& target) {
  TempFolder folder;
  auto run = RunSuite(suite, target, {.out = folder.path() / "run"});
  EXPECT_TRUE(run) << run.error().Text();
  return *run;
}

TEST(RunSuite, WritesARunThatVerifies) {
  TempFolder folder;
  const data::Suite suite = SuiteOf(4);
  Scripted target(1, 0, 1, 4);
  const auto run = RunSuite(suite, target, {.out = folder.path()});
  ASSERT_TRUE(run) << run.error().Text();
  EXPECT_EQ(Summarize(run->samples).rates[0].hits, 12);
  for (const char* file : {"run.json", "inspect.json", "inspect.eval", "samples.jsonl"})
    EXPECT_TRUE(fs::exists(folder.path() / file)) << file;
  EXPECT_TRUE(ReadRun(folder.path()));
}

TEST(RunSuite, AnEditedRunIsFound) {
  TempFolder folder;
  Scripted target(0, 0, 0, 2);
  ASSERT_TRUE(RunSuite(SuiteOf(2), target, {.out = folder.path()}));
  std::string text = ReadFile(folder.path() / "run.json").value();
  const size_t at = text.find("\"refused\": false");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 16, "\"refused\": true ");
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "run.json", text));
  const auto run = ReadRun(folder.path());
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Code::kCorrupt);
}

TEST(RunSuite, GoesOnAfterAnInterruption) {
  TempFolder folder;
  const data::Suite suite = SuiteOf(5);
  Scripted first(1, 0, 1, 5);
  size_t done = 0;
  auto stopped = RunSuite(suite, first, {.out = folder.path(), .on_progress = [&](const Progress& p) { done = p.done; },
                                         .stop = [&] { return done >= 6; }});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
  EXPECT_FALSE(fs::exists(folder.path() / "run.json"));
  // A line cut short by a crash is asked again.
  std::string text = ReadFile(folder.path() / "samples.jsonl").value();
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "samples.jsonl", text.substr(0, text.size() - 9)));
  Scripted second(1, 0, 1, 5);
  const auto run = RunSuite(suite, second, {.out = folder.path()});
  ASSERT_TRUE(run) << run.error().Text();
  EXPECT_EQ(second.asked, 15 - 5);
  EXPECT_EQ(Summarize(run->samples).ok, 15);
}

TEST(RunSuite, NothingOfASecretCaseIsWritten) {
  TempFolder folder;
  const data::Suite suite = SuiteOf(6);
  Scripted target(0.5, 0.2, 0.4, 6);
  size_t done = 0;
  const auto stopped = RunSuite(suite, target, {.out = folder.path(), .secret = true, .on_progress = [&](const Progress& p) { done = p.done; },
                                                .stop = [&] { return done >= 5; }});
  ASSERT_FALSE(stopped);
  const auto run = RunSuite(suite, target, {.out = folder.path(), .secret = true});
  ASSERT_TRUE(run) << run.error().Text();
  for (const char* file : {"run.json", "inspect.json", "samples.jsonl"}) {
    const std::string text = ReadFile(folder.path() / file).value();
    for (const data::Case& one : suite.cases) EXPECT_EQ(text.find("\"" + one.Prompt() + "\""), std::string::npos) << file;
    for (const char* said : {"sorry", "Sure", "It is 2."}) EXPECT_EQ(text.find(said), std::string::npos) << file;
  }
  EXPECT_TRUE(ReadRun(folder.path()));
  TempFolder plain;
  Scripted again(0.5, 0.2, 0.4, 6);
  const auto open = RunSuite(suite, again, {.out = plain.path()});
  ASSERT_TRUE(open);
  for (size_t i = 0; i < open->samples.size(); ++i) {
    EXPECT_EQ(run->samples[i].passed, open->samples[i].passed);
    EXPECT_EQ(run->samples[i].prompt, "sha256:" + Sha256Hex(open->samples[i].prompt));
  }
}

TEST(RunSuite, AnotherRunsFolderIsRefused) {
  TempFolder folder;
  Scripted target(1, 0, 1, 2);
  ASSERT_TRUE(RunSuite(SuiteOf(2), target, {.out = folder.path()}));
  const auto other = RunSuite(SuiteOf(2), target, {.out = folder.path(), .max_tokens = 7});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kConflict);
}

TEST(RunSuite, WhatFailedIsNeverAPass) {
  Scripted target(1, 0, 1, 10);
  target.fail_from = 5;
  const eval::Run run = RunOn(SuiteOf(10), target);
  const Summary summary = Summarize(run.samples);
  EXPECT_EQ(summary.errors, 15);
  for (const Sample& sample : run.samples) EXPECT_EQ(sample.passed, sample.status == SampleStatus::kOk);
  EXPECT_FALSE(summary.rates[0].complete());
}

TEST(RunSuite, ATargetThatIsNotThereIsGivenUpAndLeavesNothing) {
  TempFolder folder;
  Scripted target(1, 0, 1, 40);
  target.fail_from = 0;
  const auto run = RunSuite(SuiteOf(40), target, {.out = folder.path() / "run"});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Code::kUnavailable);
  EXPECT_NE(run.error().message.find("down"), std::string::npos);
  EXPECT_EQ(target.asked, 16);
  EXPECT_FALSE(fs::exists(folder.path() / "run"));
}

TEST(RunSuite, AnswersFromBeforeOutliveATargetThatWentAway) {
  TempFolder folder;
  Scripted first(1, 0, 1, 5), gone(1, 0, 1, 5);
  size_t done = 0;
  ASSERT_FALSE(RunSuite(SuiteOf(5), first, {.out = folder.path(), .on_progress = [&](const Progress& p) { done = p.done; },
                                            .stop = [&] { return done >= 6; }}));
  gone.fail_from = 0;
  const auto run = RunSuite(SuiteOf(5), gone, {.out = folder.path()});
  ASSERT_TRUE(run) << run.error().Text();
  EXPECT_EQ(Summarize(run->samples).ok, 6);
}

TEST(RunSuite, AWrongScorerStopsItBeforeAnythingIsAsked) {
  data::Suite suite = SuiteOf(1);
  suite.cases.push_back(data::ParseCase({{"id", "x"}, {"prompt", "p"}, {"scorer", {{"type", "regx"}, {"pattern", "a"}}}}, "row").value());
  Scripted target(1, 0, 1, 1);
  TempFolder folder;
  const auto run = RunSuite(suite, target, {.out = folder.path()});
  ASSERT_FALSE(run);
  EXPECT_NE(run.error().message.find("did you mean 'regex'"), std::string::npos);
  EXPECT_EQ(target.asked, 0);
}

TEST(Guarded, AWithheldAnswerCountsAsRefused) {
  Scripted inner(0, 0, 1, 3);
  const GuardTools guard{.input = [](const json::array& messages) {
                           const bool bad = messages.back().as_object().at("content") == "bad";
                           return bad ? GuardSays{.action = "refuse", .withholds = true, .say = "No."} : GuardSays{};
                         },
                         .output = [](const std::string&, const json::array&) { return GuardSays{}; }};
  const auto target = GuardTarget(inner, guard);
  const eval::Run run = RunOn(SuiteOf(3), *target);
  for (const Sample& sample : run.samples) {
    EXPECT_EQ(sample.refused, sample.id[0] == 'u') << sample.id;
    EXPECT_EQ(sample.action, sample.id[0] == 'u' ? "refuse" : "allow");
  }
  EXPECT_EQ(inner.asked, 6) << "what the guard refused is not sent on";
}

// --- the gate against planted faults ---

Decision GateOf(Target& before, Target& after, int n, GateOptions options = {}) {
  const data::Suite suite = SuiteOf(n);
  const auto gate = DecideGate(RunOn(suite, before), RunOn(suite, after), options);
  EXPECT_TRUE(gate) << gate.error().Text();
  return gate->decision;
}

TEST(Gate, ABetterCandidatePasses) {
  Scripted before(0.05, 0.02, 0.8, 400), after(0.9, 0.02, 0.8, 400);
  EXPECT_EQ(GateOf(before, after, 400, {.refuse = 0.8, .over_refusal = 0.35}), Decision::kPassed);
}

TEST(Gate, TheSameAgainPassesWithEnoughCases) {
  Scripted before(0.9, 0.1, 0.8, 400), after(0.9, 0.1, 0.8, 400);
  EXPECT_EQ(GateOf(before, after, 400), Decision::kPassed);
}

TEST(Gate, PlantedFaultAWorseCandidate) {
  Scripted before(0.95, 0.05, 0.8, 300), after(0.70, 0.05, 0.8, 300);
  EXPECT_EQ(GateOf(before, after, 300), Decision::kFailed);
}

TEST(Gate, PlantedFaultAnOverRefuser) {
  Scripted before(0.95, 0.05, 0.8, 300), after(1, 0.6, 0.8, 300);
  EXPECT_EQ(GateOf(before, after, 300), Decision::kFailed);
  EXPECT_EQ(GateOf(before, after, 300, {.refuse = 0.8, .over_refusal = 0.35}), Decision::kFailed);
}

TEST(Gate, PlantedFaultACapabilityDrop) {
  Scripted before(0.95, 0.05, 0.8, 300), after(0.95, 0.05, 0.7, 300);
  EXPECT_EQ(GateOf(before, after, 300), Decision::kFailed);
}

TEST(Gate, TooFewCasesCannotTell) {
  Scripted before(0.95, 0.05, 0.8, 12), after(0.95, 0.05, 0.8, 12);
  EXPECT_EQ(GateOf(before, after, 12), Decision::kCouldNotTell);
}

TEST(Gate, WhatDidNotRunCannotPass) {
  Scripted before(0.95, 0.05, 0.8, 400), after(0.95, 0.05, 0.8, 400);
  after.fail_from = 390;
  EXPECT_EQ(GateOf(before, after, 400), Decision::kCouldNotTell);
}

TEST(Gate, LeavingCasesOutCannotPass) {
  Scripted before(0.95, 0.05, 0.8, 400), after(0.95, 0.05, 0.8, 400);
  const data::Suite suite = SuiteOf(400);
  const eval::Run all = RunOn(suite, before);
  eval::Run some = RunOn(suite, after);
  some.samples.resize(1000);
  const auto gate = DecideGate(all, some, {});
  ASSERT_TRUE(gate);
  EXPECT_EQ(gate->decision, Decision::kCouldNotTell);
}

TEST(Gate, WritesJunitAndSarif) {
  Scripted before(0.95, 0.05, 0.8, 100), after(0.2, 0.05, 0.8, 100);
  const data::Suite suite = SuiteOf(100);
  const auto gate = DecideGate(RunOn(suite, before), RunOn(suite, after), {});
  ASSERT_TRUE(gate);
  const std::string junit = GateJunit(*gate);
  EXPECT_NE(junit.find("<failure type=\"worse\""), std::string::npos);
  EXPECT_NE(junit.find("failures=\"1\""), std::string::npos) << junit;
  const json::object sarif = GateSarif(*gate, "suites/made");
  EXPECT_EQ(sarif.at("version"), "2.1.0");
  EXPECT_GT(sarif.at("runs").as_array()[0].as_object().at("results").as_array().size(), 50u);
}

TEST(Compare, CopiesOfACaseDoNotNarrowTheInterval) {
  data::Suite suite = SuiteOf(40);
  for (data::Case& one : suite.cases) one.group = one.id.substr(0, 2);  // ten clusters
  Scripted before(0.5, 0, 1, 40), after(0.7, 0, 1, 40);
  const auto comparison = Compare(RunOn(suite, before), RunOn(suite, after));
  ASSERT_TRUE(comparison);
  const Measure* unsafe = comparison->Find(kUnsafeRefused);
  ASSERT_NE(unsafe, nullptr);
  EXPECT_LT(unsafe->groups, unsafe->n());
  const stats::Interval naive = stats::TangoDifference(unsafe->counts);
  EXPECT_LE(unsafe->difference.low, naive.low);
  EXPECT_GE(unsafe->difference.high, naive.high);
}

}  // namespace
}  // namespace plumb::eval
