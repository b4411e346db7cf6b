#include "runtime/replay/replay.h"

#include <gtest/gtest.h>

#include "intent/policy/shop_policy_test.h"
#include "runtime/replay/replay_report.h"
#include "runtime/replay/replay_run.h"

namespace plumb::replay {
namespace {

constexpr char kCard[] = "4111 1111 1111 1111";

guard::Guard PatternsOf(const policy::Policy& policy) { return std::move(*guard::Guard::PatternsOnly(policy, {})); }

policy::Policy Parsed(const std::string& more) {
  auto policy = policy::ParsePolicy(policy::ShopPolicy() + more, "policy.yaml", ".");
  EXPECT_TRUE(policy) << policy.error().Text();
  return policy.value_or(policy::Policy());
}
void SetActions(policy::Category& category, policy::Action input, policy::Action output) {
  for (policy::On* on : {&category.on, &category.on_detect}) {
    on->input = input;
    on->output = output;
  }
}

// The shop's policy as it was, which did not look for keys; and as it is to be, which only flags what cards are asked about.
guard::Guard OldGuard(const std::string& more = "") {
  policy::Policy policy = Parsed(more);
  policy.categories.resize(1);
  return PatternsOf(policy);
}
guard::Guard NewGuard() {
  policy::Policy policy = Parsed("routes: [{match: {model: 'watched-*'}, mode: observe}, {match: {}}]\n");
  SetActions(policy.categories[0], policy::Action::kFlag, policy::Action::kBlock);
  return PatternsOf(policy);
}

data::Traffic Asked(std::string id, std::string text, std::string answer, std::string model = "m") {
  data::Traffic one;
  one.id = one.where = std::move(id);
  one.model = std::move(model);
  one.messages = {json::object{{"role", "user"}, {"content", text}}};
  one.response = std::move(answer);
  return one;
}

ReplayRow One(const data::Traffic& traffic, const ReplayGuards& guards) { return Replay(std::span(&traffic, 1), guards)[0]; }

TEST(Replay, OfAForeignLogSaysWhatWouldBeStopped) {
  const guard::Guard after = NewGuard();
  EXPECT_EQ(ChangeOf(One(Asked("a", "hello", "hi"), {&after})), "same");
  const ReplayRow input = One(Asked("b", "SECRET-1234", "hi"), {&after});
  EXPECT_EQ(ChangeOf(input), "newly_stopped");
  EXPECT_EQ(input.after.clause, "keys");
  EXPECT_EQ(input.after.direction, "input");
  const ReplayRow output = One(Asked("c", "hello", std::string("it is ") + kCard), {&after});
  EXPECT_EQ(ChangeOf(output), "newly_stopped");
  EXPECT_EQ(output.after.direction, "output");
  // The route watches and does nothing.
  EXPECT_EQ(ChangeOf(One(Asked("d", "SECRET-1234", "hi", "watched-m"), {&after})), "same");
}

TEST(Replay, ToolCallsStopAndToolResultsAreReplaced) {
  const guard::Guard after = NewGuard();
  data::Traffic call = Asked("a", "hello", "");
  call.tool_calls = {json::object{{"function", {{"name", "send"}, {"arguments", "SECRET-1234"}}}}};
  EXPECT_EQ(One(call, {&after}).after.outcome, "stopped");
  data::Traffic result = Asked("b", "hello", "hi");
  result.messages.push_back(json::object{{"role", "assistant"}, {"content", ""}});
  result.messages.push_back(json::object{{"role", "tool"}, {"content", "SECRET-1234"}});
  const ReplayRow row = One(result, {&after});
  EXPECT_EQ(row.after.outcome, "redacted");
  EXPECT_EQ(row.after.direction, "tool_result");
}

TEST(Replay, OfRecordedExchangesComparesWithTheRecord) {
  const guard::Guard after = NewGuard();
  data::Traffic redacted = Asked("a", "hello", std::string("it is ") + kCard);
  redacted.action = "redact";
  redacted.clause = "cards";
  redacted.verdicts = {{"input", {"allow", {}, {"cards"}}}, {"output", {"redact", {"cards"}, {"cards"}}}};
  const ReplayRow row = One(redacted, {&after});
  EXPECT_EQ(row.before->outcome, "redacted");
  EXPECT_EQ(ChangeOf(row), "newly_stopped");
  // Stopped at the input then, passed now: what the model would have said nobody knows.
  data::Traffic stopped = Asked("b", kCard, "");
  stopped.no_response = "not asked";
  stopped.action = "refuse";
  stopped.clause = "cards";
  stopped.verdicts = {{"input", {"refuse", {"cards"}, {"cards"}}}};
  const ReplayRow asked = One(stopped, {&after});
  EXPECT_EQ(asked.after.outcome, "unknown");
  EXPECT_EQ(ChangeOf(asked), "newly_asked");
}

TEST(Replay, TextThatIsNotThereIsNeverUnchanged) {
  const guard::Guard after = NewGuard();
  data::Traffic hashed = Asked("a", "", "");
  hashed.messages.clear();
  hashed.no_request = hashed.no_response = "hashed";
  hashed.action = "allow";
  const ReplayRow row = One(hashed, {&after});
  EXPECT_EQ(row.status, "not_replayed");
  EXPECT_EQ(ChangeOf(row), "unknown");
  data::Traffic half = Asked("b", "hello", "");
  half.no_response = "not kept";
  half.action = "allow";
  EXPECT_EQ(One(half, {&after}).status, "partly");
  EXPECT_EQ(ChangeOf(One(half, {&after})), "unknown");
  // But what the request alone settles is known.
  half.messages = {json::object{{"role", "user"}, {"content", "SECRET-1234"}}};
  EXPECT_EQ(ChangeOf(One(half, {&after})), "newly_stopped");
}

TEST(Replay, AgainstAnotherPolicyJudgesBothSidesNow) {
  const guard::Guard before = OldGuard(), after = NewGuard();
  const ReplayRow row = One(Asked("a", kCard, "thanks"), {&after, &before});
  EXPECT_EQ(row.before->outcome, "stopped");
  EXPECT_EQ(row.after.outcome, "passed");
  EXPECT_EQ(ChangeOf(row), "newly_passed");
}

TEST(Replay, OverlaysAndRoutesFitWhereAnExchangeCameFrom) {
  const guard::Guard plain = OldGuard("overlays: [{when: {region: DE}, +categories: [{id: cards, on: {input: flag}}]}]\n"
                                      "routes: [{match: {channel: kiosk}, mode: observe}, {match: {}}]\n");
  policy::Policy german = plain.policy();
  SetActions(german.categories[0], policy::Action::kFlag, policy::Action::kRedact);
  const guard::Guard overlaid = PatternsOf(german);
  ReplayGuards guards{.after = &plain};
  guards.after_overlaid[policy::FittingOverlays(plain.policy(), {.region = "DE"})] = &overlaid;
  data::Traffic one = Asked("a", kCard, "thanks");
  EXPECT_EQ(One(one, guards).after.outcome, "stopped");
  one.attributes = {{"region", "DE"}};
  EXPECT_EQ(One(one, guards).after.outcome, "passed");
  EXPECT_EQ(One(one, guards).after.action, "flag");
  one.attributes = {{"channel", "kiosk"}};
  EXPECT_TRUE(One(one, guards).after.observed);
}

// 100 exchanges: 8 that only the new policy stops, 2 that only the old one did.
std::vector<ReplayRow> Hundred() {
  const guard::Guard before = OldGuard(), after = NewGuard();
  std::vector<data::Traffic> all;
  for (int i = 0; i < 100; ++i) {
    const std::string id = fmt::format("e{}", i);
    all.push_back(i < 8 ? Asked(id, "SECRET-1234", "hi") : i < 10 ? Asked(id, kCard, "thanks") : Asked(id, "hello", "hi"));
  }
  return Replay(all, {&after, &before});
}

TEST(ReplayReport, CountsRatesAndTests) {
  const ReplayReport report = SummariseReplay(Hundred(), 3);
  EXPECT_EQ(report.compared, 100);
  EXPECT_EQ(report.changed.k, 10);
  EXPECT_EQ(report.newly_stopped.k, 8);
  EXPECT_EQ(report.newly_passed.k, 2);
  // Wilson's interval of 8 in 100.
  EXPECT_NEAR(report.newly_stopped.interval.low, 0.0411, 5e-4);
  EXPECT_NEAR(report.newly_stopped.interval.high, 0.1500, 5e-4);
  // McNemar's mid-p of 2 against 8: 2·(P(X≤2) − ½P(X=2)), X ~ Bin(10, ½).
  EXPECT_NEAR(report.stopped_p, 2 * (56.0 / 1024 - 22.5 / 1024), 1e-9);
  ASSERT_EQ(report.clauses.size(), 2u);
  EXPECT_EQ(report.clauses[0].clause, "keys");
  EXPECT_EQ(report.clauses[0].counts.only_candidate, 8);
  EXPECT_EQ(report.clauses[1].clause, "cards");
  EXPECT_EQ(report.clauses[1].counts.both, 2) << "the clause fires on both sides; only its action differs";
  EXPECT_EQ(report.examples.at("newly_stopped").size(), 3u);
  EXPECT_EQ(report.examples.at("newly_stopped")[0].asked, "SECRET-1234");
  const std::string json = ToJson(ReportJson(report, false));
  EXPECT_EQ(json.find("SECRET-1234"), std::string::npos) << "texts are left out where they are to be";
  EXPECT_NE(ToJson(ReportJson(report, true)).find("SECRET-1234"), std::string::npos);
  EXPECT_NE(ReportText(report).find("newly stopped"), std::string::npos);
}

TEST(ReplayReport, OfNothingIsJson) {
  const ReplayReport report = SummariseReplay({}, 3);
  EXPECT_TRUE(ParseJson(ToJson(ReportJson(report, true))));
  EXPECT_EQ(report.changed.k, 0);
}

TEST(ReplayRow, SurvivesItsFile) {
  for (const ReplayRow& row : Hundred()) {
    const auto back = ParseRow(RowJson(row));
    ASSERT_TRUE(back) << back.error().Text();
    EXPECT_EQ(ToJson(RowJson(*back)), ToJson(RowJson(row)));
  }
}

std::string Log(int n) {
  std::string text;
  for (int i = 0; i < n; ++i) {
    text += fmt::format(R"({{"id":"e{}","messages":[{{"role":"user","content":"{}"}}],"response":"hi"}})", i, i % 5 ? "hello" : "SECRET-1234") + "\n";
  }
  return text;
}

std::unique_ptr<ReplaySource> SourceOf(std::string text) {
  return LogSource(data::TrafficReader(std::move(text), "log", data::TrafficFormat::kOpenAi), {});
}

TEST(ReplayRun, StoppedGoesOnWhereItWas) {
  const TempFolder folder;
  const guard::Guard after = NewGuard();
  ReplayOptions options;
  options.guards = {&after};
  options.out = folder.path();
  options.identity = "one";
  options.batch = 8;
  int batches = 0;
  options.on_progress = [&](const ReplayProgress&) { ++batches; };
  options.stop = [&] { return batches == 3; };
  const auto first = RunReplay(*SourceOf(Log(50)), options);
  ASSERT_TRUE(first) << first.error().Text();
  EXPECT_FALSE(first->complete);
  EXPECT_EQ(first->rows.size(), 24u);
  // A line cut in the middle, as kill -9 may leave it.
  std::string lines = *ReadFile(folder.path() / "replay.jsonl");
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "replay.jsonl", lines + "{\"id\":\"e"));
  options.stop = nullptr;
  size_t resumed = 0;
  options.on_progress = [&](const ReplayProgress& progress) { resumed = progress.resumed; };
  const auto second = RunReplay(*SourceOf(Log(50)), options);
  ASSERT_TRUE(second) << second.error().Text();
  EXPECT_TRUE(second->complete);
  EXPECT_EQ(second->rows.size(), 50u);
  EXPECT_EQ(resumed, 24u);
  EXPECT_EQ(SummariseReplay(second->rows, 0).newly_stopped.k, 10);
  options.identity = "another";
  const auto other = RunReplay(*SourceOf(Log(50)), options);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kConflict);
}

TEST(ReplayRun, BadRowsStopItUnlessTheyAreToBeCounted) {
  const guard::Guard after = NewGuard();
  ReplayOptions options;
  options.guards = {&after};
  const std::string text = Log(2) + "{oops\n" + R"({"id":"last","messages":[{"role":"user","content":"hello"}],"response":"hi"})" + "\n";
  const auto strict = RunReplay(*SourceOf(text), options);
  ASSERT_FALSE(strict);
  EXPECT_TRUE(strict.error().where.starts_with("log:3:")) << strict.error().where;
  options.lenient = true;
  const auto counted = RunReplay(*SourceOf(text), options);
  ASSERT_TRUE(counted) << counted.error().Text();
  EXPECT_EQ(counted->rows.size(), 3u);
  EXPECT_EQ(counted->unreadable_count, 1u);
}

TEST(ReplaySource, TheLedgerInARange) {
  const TempFolder folder;
  Time now = *ParseTime("2026-03-01T00:00:00Z");
  auto ledger = ledger::Ledger::Open(folder.path() / "ledger.db", {.clock = [&now] { return now; }});
  ASSERT_TRUE(ledger) << ledger.error().Text();
  for (int day = 0; day < 4; ++day) {
    ledger::Entry entry{.kind = "exchange", .body = {{"model", "m"}, {"action", "allow"}, {"output", {{"action", "allow"}}}},
                        .texts = {{"request", R"([{"role":"user","content":"SECRET-1234"}])"}, {"response", "hi"}}};
    entry.id = fmt::format("exc_{}", day);
    ASSERT_TRUE((*ledger)->Append(std::move(entry)));
    ASSERT_TRUE((*ledger)->Append({.kind = "run", .body = {{"x", day}}}));
    now += std::chrono::hours(24);
  }
  const auto source = LedgerSource(**ledger, {"2026-03-02T00:00:00.000Z", "2026-03-04T00:00:00.000Z"});
  const guard::Guard after = NewGuard();
  ReplayOptions options;
  options.guards = {&after};
  const auto done = RunReplay(*source, options);
  ASSERT_TRUE(done) << done.error().Text();
  ASSERT_EQ(done->rows.size(), 2u);
  EXPECT_EQ(done->rows[0].id, "exc_1");
  EXPECT_EQ(ChangeOf(done->rows[0]), "newly_stopped");
  EXPECT_EQ(done->skipped.at("outside the range"), 1u);
}

}  // namespace
}  // namespace plumb::replay
