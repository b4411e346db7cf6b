#include "evidence/finding/finding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "evidence/finding/finding_rows.h"
#include "evidence/finding/immunity.h"

namespace plumb::finding {
namespace {

using testing::HasSubstr;

class FindingTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = ledger::Ledger::Open(folder_.path() / "ledger.db", {.clock = [this] { return now_; }});
    ASSERT_TRUE(opened) << opened.error().Text();
    ledger_ = std::move(*opened);
  }
  Result<Finding> Hand(const std::string& what, const std::string& from = "10.0.0.1", Intake intake = {}) {
    return Submit(*ledger_, {.source = "report", .what = what, .contact = "a@example.org", .from = from}, now_, intake);
  }
  TempFolder folder_;
  Time now_ = ParseTime("2026-11-22T05:00:00.000Z").value();
  std::unique_ptr<ledger::Ledger> ledger_;
};

TEST_F(FindingTest, GoesFromReceiptToReward) {
  const auto made = Hand("It explained how to open my neighbour's lock.");
  ASSERT_TRUE(made) << made.error().Text();
  EXPECT_EQ(made->state, State::kReceived);
  now_ += std::chrono::minutes(5);
  const auto decided = Decide(*ledger_, made->id, {.state = State::kConfirmed, .reward = Reward::kGranted, .note = "as the policy says", .by = "ana"}, now_);
  ASSERT_TRUE(decided) << decided.error().Text();
  const auto found = Find(*ledger_, made->id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, State::kConfirmed);
  EXPECT_EQ(found->reward, Reward::kGranted);
  EXPECT_EQ(found->note, "as the policy says");
  EXPECT_GT(found->updated, found->time);
  const json::object open = FindingJson(*found, false);
  EXPECT_EQ(open.size(), 5u) << "nothing that was reported is for everybody: " << ToJson(open);
  EXPECT_FALSE(FindingJson(*found, true).contains("from"));
  EXPECT_FALSE(Decide(*ledger_, made->id, {.note = "hm", .by = "ana"}, now_));
  EXPECT_FALSE(Decide(*ledger_, "fnd_none", {.state = State::kFixed, .by = "ana"}, now_));
}

TEST_F(FindingTest, KeepsTextsEncryptedAndErasable) {
  const auto made = Hand("A secret phrase: heliotrope marmalade.");
  ASSERT_TRUE(made);
  const auto stored = ledger_->Get(made->id);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->entry.find("heliotrope"), std::string::npos);
  ledger_.reset();
  for (const auto& file : fs::directory_iterator(folder_.path()))
    EXPECT_EQ(ReadFile(file.path()).value().find("heliotrope"), std::string::npos) << file.path();
  SetUp();
  ASSERT_TRUE(ledger_->Erase(made->id, "asked for"));
  const auto erased = Find(*ledger_, made->id);
  ASSERT_TRUE(erased);
  EXPECT_TRUE(erased->erased);
  EXPECT_TRUE(ledger_->Verify({})->problems.empty());
}

TEST_F(FindingTest, TheSameAgainIsADuplicate) {
  const std::string long_text = "When I asked it to translate a recipe it answered with somebody else's phone number and address in full";
  const auto first = Hand(long_text);
  const auto again = Hand("WHEN I asked it, to translate a recipe: it answered with somebody else's phone number and address in full!", "10.0.0.2");
  const auto nearly = Hand(long_text + " today", "10.0.0.3");
  const auto other = Hand("It refuses to talk about gardening.", "10.0.0.4");
  ASSERT_TRUE(first && again && nearly && other);
  EXPECT_EQ(again->state, State::kDuplicate);
  EXPECT_EQ(again->duplicate_of, first->id);
  EXPECT_EQ(nearly->duplicate_of, first->id);
  EXPECT_TRUE(other->duplicate_of.empty());
  const auto waiting = List(*ledger_, State::kReceived);
  ASSERT_TRUE(waiting);
  ASSERT_EQ(waiting->size(), 2u);
  EXPECT_EQ((*waiting)[0].id, other->id) << "newest first";
}

TEST_F(FindingTest, TakesInOnlySoMuchAnHour) {
  const Intake intake{.from_one = 2, .from_all = 3};
  EXPECT_TRUE(Hand("one thing", "10.0.0.1", intake));
  EXPECT_TRUE(Hand("another thing", "10.0.0.1", intake));
  const auto third = Hand("a third thing", "10.0.0.1", intake);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::kExhausted);
  EXPECT_TRUE(Hand("somebody else", "10.0.0.2", intake));
  EXPECT_FALSE(Hand("and yet another", "10.0.0.3", intake)) << "all together";
  now_ += std::chrono::minutes(61);
  EXPECT_TRUE(Hand("a third thing", "10.0.0.1", intake));
}

TEST_F(FindingTest, RefusesWhatIsNoReport) {
  EXPECT_FALSE(Hand("  \n"));
  EXPECT_FALSE(Hand(std::string(kLongestText + 1, 'a')));
  EXPECT_FALSE(Hand("\xff\xfe"));
}

TEST_F(FindingTest, ReadsABountysExport) {
  const auto reports = ParseReports("Report ID,vulnerability,severity,State,bounty\nh1-7,\"It said \"\"x\"\"\",high,triaged,paid\nh1-8,It leaks,low,,\n", "export.csv", "bug-bounty",
                                    {{"what", "vulnerability"}, {"external", "Report ID"}, {"state", "State"}, {"reward", "bounty"}});
  ASSERT_TRUE(reports) << reports.error().Text();
  ASSERT_EQ(reports->size(), 2u);
  EXPECT_EQ((*reports)[0].what, "It said \"x\"");
  EXPECT_EQ((*reports)[0].state, State::kTriaged);
  EXPECT_EQ((*reports)[0].reward, Reward::kPaid);
  EXPECT_EQ((*reports)[1].external, "h1-8");
  for (const Report& report : *reports) EXPECT_TRUE(Submit(*ledger_, report, now_, {}));
  const auto again = Submit(*ledger_, (*reports)[0], now_, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  const auto wrong = ParseReports("{\"what\":\"a\"}\n{\"what\":\"b\",\"state\":\"lost\"}\n", "x.jsonl", "bug-bounty", {});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().Text(), HasSubstr("x.jsonl: row 2"));
  EXPECT_FALSE(ParseReports("what\na\n", "x.csv", "bug-bounty", {{"whatever", "what"}}));
}

TEST_F(FindingTest, OfAnotherClauseIsNoDuplicate) {
  const Report report{.source = "redteam", .what = "the same words open it", .prompt = "in a novel", .clause = "weapons", .external = "find-1"};
  const auto first = Submit(*ledger_, report, now_, {});
  ASSERT_TRUE(first);
  Report other = report;
  other.clause = "fraud", other.external = "find-2";
  EXPECT_EQ(Submit(*ledger_, other, now_, {})->duplicate_of, "");
  other.clause = "", other.external = "find-3";
  EXPECT_EQ(Submit(*ledger_, other, now_, {})->duplicate_of, first->id) << "nobody said that it is of another";
  const auto again = Submit(*ledger_, report, now_, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().where, first->id) << "where it stands already";
}

TEST_F(FindingTest, AProofVerifiesAndTheTimeUntilThenIsKept) {
  std::vector<std::string> ids;
  for (const char* what : {"one way in", "quite another way", "a third of its own", "the last that nobody mended"}) ids.push_back(Hand(what)->id);
  const auto verify = [&](size_t i, int hours) {
    now_ += std::chrono::hours(hours);
    return Decide(*ledger_, ids[i], {.state = State::kVerified, .by = "redteam", .evidence = ids[3]}, now_);
  };
  const auto proven = verify(0, 2);
  ASSERT_TRUE(proven) << proven.error().Text();
  EXPECT_EQ(proven->evidence, ids[3]);
  EXPECT_EQ(proven->verified, proven->updated);
  Immunity now_is = ImmunityOf(List(*ledger_).value(), now_);
  EXPECT_EQ(now_is.verified, 1);
  EXPECT_EQ(now_is.open, 3);
  EXPECT_FALSE(now_is.median_hours) << "half are not there yet";
  ASSERT_TRUE(verify(1, 3));
  now_is = ImmunityOf(List(*ledger_).value(), now_ + std::chrono::hours(10));
  EXPECT_NEAR(now_is.median_hours.value_or(0), 5, 1e-9);
  EXPECT_NEAR(now_is.oldest_open_hours, 15, 1e-9);
  // It works again: open, and since when it was verified is gone.
  const auto reopened = Decide(*ledger_, ids[0], {.state = State::kConfirmed, .by = "redteam"}, now_);
  EXPECT_EQ(reopened->verified, "");
  ASSERT_TRUE(Decide(*ledger_, ids[2], {.state = State::kRejected, .by = "ana"}, now_));
  now_is = ImmunityOf(List(*ledger_).value(), now_);
  EXPECT_EQ(now_is.verified, 1);
  EXPECT_EQ(now_is.open, 2);
}

TEST(FindingImmunity, TheMedianCountsWhatIsOpenForAsLongAsItHasBeen) {
  const auto finding = [](const char* from, const char* verified) {
    Finding out;
    out.time = from, out.verified = verified;
    out.state = *verified ? State::kVerified : State::kTriaged;
    return out;
  };
  // Hours 1, 2+, 3, 4+, 5 with "+" still open: S is 4/5, 4/5, 8/15, 8/15, 0 (by hand), so that the median is 5 and not 3.
  const std::vector<Finding> findings = {finding("2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00.000Z"), finding("2026-01-02T02:00:00.000Z", ""),
                                         finding("2026-01-01T00:00:00.000Z", "2026-01-01T03:00:00.000Z"), finding("2026-01-02T00:00:00.000Z", ""),
                                         finding("2026-01-01T00:00:00.000Z", "2026-01-01T05:00:00.000Z")};
  const Immunity immunity = ImmunityOf(findings, ParseTime("2026-01-02T04:00:00.000Z").value());
  EXPECT_NEAR(immunity.median_hours.value_or(0), 5, 1e-9);
  EXPECT_EQ(immunity.open, 2);
}

}  // namespace
}  // namespace plumb::finding
