#include "runtime/gateway/hold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace plumb::gateway {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class HoldTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    ledger_.reset();
    auto opened = ledger::Ledger::Open(folder_.path() / "ledger.db", {.clock = [this] { return now_; }});
    ASSERT_TRUE(opened) << opened.error().Text();
    ledger_ = std::move(*opened);
  }
  Hold Waiting(const std::string& exchange) {
    Hold hold;
    hold.exchange = exchange;
    hold.expires = FormatTime(now_ + 1h);
    hold.api = "chat";
    hold.model = "m";
    hold.key = "shop";
    hold.subject = "user-7";
    hold.clause = "advice";
    hold.messages = {json::object{{"role", "user"}, {"content", "May I?"}}};
    hold.answer.choices = {{.text = "You may.", .tool_calls = json::array{json::object{{"id", "1"}}}, .finish_reason = "stop"}};
    hold.answer.usage.output_tokens = 3;
    EXPECT_TRUE(PutHold(*ledger_, hold));
    return hold;
  }
  HoldState StateOf(const std::string& exchange) { return FindHold(*ledger_, exchange, now_)->state; }
  size_t Listed(bool decided = false) { return ListHolds(*ledger_, now_, {.decided = decided})->size(); }

  TempFolder folder_;
  Time now_ = *ParseTime("2026-11-21T12:00:00Z");
  std::unique_ptr<ledger::Ledger> ledger_;
};

TEST_F(HoldTest, WaitsAcrossARestartAndIsReleasedAsItWas) {
  Waiting("exc_1");
  Open();
  ASSERT_EQ(Listed(), 1u);
  ASSERT_TRUE(DecideHold(*ledger_, "exc_1", {.kind = "release", .note = "fine", .by = "ann", .role = "reviewer"}, now_));
  Open();
  const Hold hold = *FindHold(*ledger_, "exc_1", now_);
  EXPECT_EQ(hold.state, HoldState::kReleased);
  EXPECT_EQ(hold.by, "ann");
  const Answer answer = FinalAnswer(hold);
  EXPECT_EQ(answer.choices.at(0).text, "You may.");
  EXPECT_EQ(answer.choices.at(0).tool_calls.size(), 1u);
  EXPECT_EQ(answer.usage.output_tokens, 3);
  EXPECT_EQ(Listed(), 0u);
  EXPECT_EQ(Listed(true), 1u);
  EXPECT_TRUE(ledger_->Verify({})->problems.empty());
}

TEST_F(HoldTest, EditsAndRefusalsReplaceTheAnswer) {
  Waiting("exc_1");
  ASSERT_TRUE(DecideHold(*ledger_, "exc_1", {.kind = "edit", .text = "Ask a doctor.", .by = "ann"}, now_));
  const Answer edited = FinalAnswer(*FindHold(*ledger_, "exc_1", now_));
  EXPECT_EQ(edited.choices.at(0).text, "Ask a doctor.");
  EXPECT_TRUE(edited.choices.at(0).tool_calls.empty()) << "the edited words call nothing";
  Waiting("exc_2");
  ASSERT_TRUE(DecideHold(*ledger_, "exc_2", {.kind = "refuse", .text = "Not this.", .by = "ann"}, now_));
  const Answer refused = FinalAnswer(*FindHold(*ledger_, "exc_2", now_));
  EXPECT_EQ(refused.choices.at(0).refusal, "Not this.");
  EXPECT_EQ(refused.choices.at(0).finish_reason, "content_filter");
  EXPECT_EQ(refused.choices.at(0).text, "");
}

TEST_F(HoldTest, ExpiresAndThenNobodyMayDecide) {
  Waiting("exc_1");
  now_ += 61min;
  EXPECT_EQ(StateOf("exc_1"), HoldState::kExpired);
  EXPECT_EQ(Listed(), 0u);
  const auto late = DecideHold(*ledger_, "exc_1", {.kind = "release", .by = "ann"}, now_);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kConflict);
  EXPECT_THAT(FinalAnswer(*FindHold(*ledger_, "exc_1", now_)).choices.at(0).refusal, HasSubstr("in time"));
}

TEST_F(HoldTest, OfManyDecisionsAtOnceOneStands) {
  Waiting("exc_1");
  std::atomic<int> stood = 0;
  std::vector<std::thread> people;
  for (int i = 0; i < 8; ++i)
    people.emplace_back([&, i] {
      const Decision decision{.kind = i % 2 ? "release" : "refuse", .by = fmt::format("p{}", i)};
      const auto said = DecideHold(*ledger_, "exc_1", decision, now_);
      stood += said.has_value();
      EXPECT_TRUE(said || said.error().code == Code::kConflict);
    });
  for (std::thread& person : people) person.join();
  EXPECT_EQ(stood, 1);
}

TEST_F(HoldTest, FaultsSayWhatWouldBeRight) {
  EXPECT_EQ(FindHold(*ledger_, "exc_9", now_).error().code, Code::kNotFound);
  Waiting("exc_1");
  EXPECT_THAT(DecideHold(*ledger_, "exc_1", {.kind = "relase"}, now_).error().message, HasSubstr("did you mean 'release'?"));
  EXPECT_THAT(DecideHold(*ledger_, "exc_1", {.kind = "edit", .text = " "}, now_).error().message, HasSubstr("needs 'text'"));
  EXPECT_THAT(DecideHold(*ledger_, "exc_1", {.kind = "release", .text = "x"}, now_).error().message, HasSubstr("'edit' it"));
  EXPECT_EQ(StateOf("exc_1"), HoldState::kWaiting);
}

TEST_F(HoldTest, ErasingTheSubjectTakesTheTextAndNeverReleasesIt) {
  Waiting("exc_1");
  ASSERT_TRUE(DecideHold(*ledger_, "exc_1", {.kind = "release", .by = "ann"}, now_));
  ASSERT_TRUE(ledger_->Erase("user-7", "asked"));
  const Hold hold = *FindHold(*ledger_, "exc_1", now_);
  EXPECT_TRUE(hold.answer.choices.empty());
  EXPECT_FALSE(FinalAnswer(hold).choices.at(0).refusal.empty());
}

TEST_F(HoldTest, TheCallerSeesNeitherAnswerNorNames) {
  const Hold hold = Waiting("exc_1");
  EXPECT_FALSE(HoldJson(hold, false).contains("answer"));
  EXPECT_FALSE(HoldJson(hold, false).contains("by"));
  EXPECT_TRUE(HoldJson(hold, true).contains("answer"));
}

}  // namespace
}  // namespace plumb::gateway
