// The machine under a gateway misbehaves: the ledger is locked, the disk is full, the clock jumps.
#include <thread>

#include "base/core/full_disk_test.h"
#include "evidence/ledger/sqlite.h"
#include "runtime/gateway/policy_fixture_test.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

// "mock" is of no great matter, "second" of high stakes.
constexpr char kStakes[] = "routes: [{match: {model: second}, stakes: high}, {match: {}}]\n";

class FaultTest : public PolicyTest {
 protected:
  void Configure(GatewayOptions& options) override {
    PolicyTest::Configure(options);
    options.ledger_lock_limit = 200ms;
    options.warn = [this](const std::string& line) { warned_ += line + "\n"; };
    options.log = [this](const LogLine& line) { logged_ += ToJson(line.fields) + "\n"; };
    options.log_level = LogLevel::kInfo;
    options.clock = [this] { return SystemClock()() + jump_.load(); };
    for (Key& key : options.keys) {
      if (limited_ && key.name == "shop") key.limits.requests_per_minute = 6;
    }
  }
  void ExpectServedUnrecorded() {
    const auto whole = Ask("hello");
    EXPECT_EQ(whole.status, 200) << whole.body;
    EXPECT_EQ(Content(Json(whole)), "You said: hello");
    EXPECT_EQ(whole.headers.Get("x-plumb-receipt"), "unrecorded");
    const auto streamed = Ask("hello", {}, {{"stream", true}});
    EXPECT_TRUE(Read(streamed.body).done) << streamed.body;
    EXPECT_EQ(Read(streamed.body).text, "You said: hello");
    EXPECT_TRUE(Read(streamed.body).closing.at("receipt").is_null());
  }
  void ExpectNothingOnHighStakes() {
    for (bool stream : {false, true}) {
      const auto refused = Ask("hello", {}, {{"model", "second"}, {"stream", stream}});
      EXPECT_EQ(refused.status, 503) << refused.body;
      EXPECT_THAT(refused.body, Not(HasSubstr("You said"))) << "not a byte before it is recorded";
      EXPECT_THAT(refused.body, HasSubstr("could not be recorded"));
    }
  }
  void ExpectTold() {
    const std::string metrics = Send("GET", "/metrics").body;
    EXPECT_THAT(metrics, HasSubstr("plumb_unrecorded_exchanges_total{result=\"served\"} 2"));
    EXPECT_THAT(metrics, HasSubstr("plumb_unrecorded_exchanges_total{result=\"refused\"} 2"));
    EXPECT_THAT(warned_, HasSubstr("the ledger refused an exchange"));
    EXPECT_THAT(logged_, HasSubstr("\"recorded\":false"));
  }
  void ExpectRecordedAgain() {
    for (const char* model : {"mock", "second"}) {
      const auto answer = Ask("hello again", {}, {{"model", model}});
      EXPECT_EQ(answer.status, 200) << answer.body;
      EXPECT_THAT(std::string(answer.headers.Get("x-plumb-receipt")), HasSubstr(":"));
      EXPECT_EQ(Send("GET", "/v1/exchanges/" + IdOf(answer)).status, 200);
    }
    auto ledger = ledger::Ledger::Open(folder_.path() / "ledger.db", {.read_only = true});
    ASSERT_TRUE(ledger);
    EXPECT_TRUE((*ledger)->Verify({})->problems.empty());
  }
  bool limited_ = false;
  std::string warned_, logged_;
  std::atomic<std::chrono::seconds> jump_{};
};

TEST_F(FaultTest, WithTheLedgerLockedThePolicyDecides) {
  ASSERT_NO_FATAL_FAILURE(Use(kStakes));
  {
    auto other = *ledger::Database::Open((folder_.path() / "ledger.db").string(), false);
    auto lock = *ledger::Transaction::Begin(other);
    ExpectServedUnrecorded();
    ExpectNothingOnHighStakes();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask("hello").status, 200);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 900ms) << "only the first waits for the lock";
  }
  ExpectRecordedAgain();
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("plumb_unrecorded_exchanges_total{result=\"served\"} 7"));
}

TEST_F(FaultTest, WithTheDiskFullThePolicyDecides) {
  ASSERT_NO_FATAL_FAILURE(Use(kStakes));
  {
    FullDisk full(4096);
    ExpectServedUnrecorded();
    ExpectNothingOnHighStakes();
    ExpectTold();
  }
  ExpectRecordedAgain();
}

TEST_F(FaultTest, AHeldAnswerThatCannotBeKeptIsNotPromised) {
  ASSERT_NO_FATAL_FAILURE(Use(kAdvice));
  vendor_.Say("ADVICE: sell.");
  {
    FullDisk full(4096);
    const auto answer = Ask("what now?");
    EXPECT_EQ(answer.status, 503);
    EXPECT_THAT(answer.body, Not(HasSubstr("sell")));
  }
  EXPECT_EQ(Ask("what now?").status, 202);
}

TEST_F(FaultTest, AClockThatJumpsBackAndForthIsNoticedByNobody) {
  limited_ = true;
  ASSERT_NO_FATAL_FAILURE(Use(""));
  int asked = 0;
  for (const auto jump : {0h, 24h * 400, -24h * 400, 3h, 0h}) {
    jump_ = jump;
    const auto answer = Ask("hello");
    ++asked;
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.headers.Get("x-ratelimit-remaining-requests"), std::to_string(6 - asked)) << "no rate is given away or lost";
    const double uptime = Json(Send("GET", "/api/status")).at("uptime_s").to_number<double>();
    EXPECT_GE(uptime, 0);
    EXPECT_LT(uptime, 600);
    EXPECT_EQ(Newest().at("id").as_string(), IdOf(answer)) << "the order is the ledger's, not the clock's";
  }
  auto ledger = ledger::Ledger::Open(folder_.path() / "ledger.db", {.read_only = true});
  EXPECT_TRUE((*ledger)->Verify({})->problems.empty());
}

}  // namespace
}  // namespace plumb::gateway
