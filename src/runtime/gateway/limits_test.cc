#include "runtime/gateway/limits.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/detached.hpp>

#include "base/net/io_thread.h"
#include "evidence/ledger/sqlite.h"

namespace plumb::gateway {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
namespace asio = boost::asio;

// Clocks that stand still until they are told otherwise.
struct Hand {
  std::shared_ptr<std::atomic<int64_t>> seconds = std::make_shared<std::atomic<int64_t>>(1'700'000'000);
  std::shared_ptr<std::atomic<int64_t>> steady = std::make_shared<std::atomic<int64_t>>(5'000);
  Clock clock() const {
    return [at = seconds] { return Time(std::chrono::seconds(at->load())); };
  }
  Ticks ticks() const {
    return [at = steady] { return std::chrono::steady_clock::time_point(std::chrono::seconds(at->load())); };
  }
  void Pass(int64_t s) const {
    *seconds += s;
    *steady += s;
  }
};

class LimitsTest : public testing::Test {
 protected:
  fs::path file() const { return folder_.path() / "limits.db"; }
  void Open() {
    auto opened = Limits::Open(file(), hand_.clock(), hand_.ticks());
    ASSERT_TRUE(opened) << opened.error().Text();
    limits_ = std::move(*opened);
  }
  std::expected<Admission, Refusal> Admit(std::vector<Account> accounts, Estimate estimate = {}) {
    return net::Wait(io_.executor(), limits_->Admit(std::move(accounts), estimate));
  }
  std::expected<Admission, Refusal> Admit(const LimitSet& limits, Estimate estimate = {}) {
    return Admit(std::vector<Account>{{"key:app", limits}}, estimate);
  }

  TempFolder folder_;
  Hand hand_;
  net::IoThread io_;
  std::unique_ptr<Limits> limits_;
};

// `count` at once on one io_context; how many were let in. Each is settled for what it was estimated at.
int LetIn(Limits& limits, const Account& account, int count) {
  net::IoThread io;
  std::atomic<int> admitted = 0;
  std::vector<std::future<void>> all;
  for (int i = 0; i < count; ++i) {
    all.push_back(asio::co_spawn(io.executor(), [](Limits& l, Account a, std::atomic<int>& n) -> asio::awaitable<void> {
      std::vector<Account> accounts = {std::move(a)};
      auto place = co_await l.Admit(std::move(accounts), {.tokens = 10, .cost = 0.001});
      if (!place) co_return;
      ++n;
      place->Settle(10, 0.001);
    }(limits, account, admitted), asio::use_future));
  }
  for (auto& one : all) one.get();
  return admitted;
}

TEST_F(LimitsTest, TwoHundredAtOnceAgainstABudgetOfThirtySeven) {
  Open();
  const Account by_requests{"key:app", {.budgets = {{Unit::kRequests, 37, Period::kDay}}}};
  EXPECT_EQ(LetIn(*limits_, by_requests, 200), 37);
  const Account by_tokens{"key:tokens", {.budgets = {{Unit::kTokens, 370, Period::kDay}}}};
  EXPECT_EQ(LetIn(*limits_, by_tokens, 200), 37);
  const Account by_money{"key:money", {.budgets = {{Unit::kMoney, ToMillionths(0.037), Period::kDay}}}};
  EXPECT_EQ(LetIn(*limits_, by_money, 200), 37);
  const Account by_rate{"key:rate", {.requests_per_minute = 37}};
  EXPECT_EQ(LetIn(*limits_, by_rate, 200), 37);
}

// ThreadSanitizer does not follow a fork into new threads.
#ifdef __SANITIZE_THREAD__
#define SKIP_WHERE_FORKS_ARE_NOT_FOLLOWED() GTEST_SKIP() << "ThreadSanitizer does not follow forks"
#else
#define SKIP_WHERE_FORKS_ARE_NOT_FOLLOWED() static_cast<void>(0)
#endif

TEST_F(LimitsTest, ThreeProcessesHoldOneBudgetTogether) {
  SKIP_WHERE_FORKS_ARE_NOT_FOLLOWED();
  Open();
  limits_.reset();
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  for (int i = 0; i < 3; ++i) {
    if (::fork() == 0) {
      auto mine = Limits::Open(file(), hand_.clock(), hand_.ticks());
      const Account account{"team:shop", {.budgets = {{Unit::kRequests, 37, Period::kDay}}}};
      const unsigned char count = mine ? static_cast<unsigned char>(LetIn(**mine, account, 100)) : 200;
      (void)!::write(pipes[1], &count, 1);
      ::_exit(0);
    }
  }
  int sum = 0;
  for (int i = 0; i < 3; ++i) {
    unsigned char count = 0;
    ASSERT_EQ(::read(pipes[0], &count, 1), 1);
    sum += count;
    ::wait(nullptr);
  }
  EXPECT_EQ(sum, 37);
  ::close(pipes[0]);
  ::close(pipes[1]);
}

TEST_F(LimitsTest, AProcessThatDiesHasSpentItsEstimates) {
  SKIP_WHERE_FORKS_ARE_NOT_FOLLOWED();
  Open();
  limits_.reset();
  const LimitSet limits{.budgets = {{Unit::kTokens, 1000, Period::kDay}}};
  const pid_t child = ::fork();
  if (child == 0) {
    auto mine = Limits::Open(file(), hand_.clock(), hand_.ticks());
    net::IoThread io;
    auto place = net::Wait(io.executor(), (*mine)->Admit({{"key:app", limits}}, {.tokens = 700}));
    ::_exit(place ? 9 : 1);  // in the middle of its request
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  Open();
  EXPECT_FALSE(Admit(limits, {.tokens = 301}));
  auto fits = Admit(limits, {.tokens = 300});
  ASSERT_TRUE(fits);
  EXPECT_EQ(fits->headers().Get("x-ratelimit-remaining-tokens"), "0");
}

TEST_F(LimitsTest, SettlingPutsTheUsedInPlaceOfTheEstimate) {
  Open();
  const LimitSet limits{.tokens_per_minute = 1000, .budgets = {{Unit::kTokens, 1000, Period::kDay}, {Unit::kMoney, 5'000'000, Period::kDay}}};
  {
    auto place = Admit(limits, {.tokens = 900, .cost = 4});
    ASSERT_TRUE(place);
    EXPECT_FALSE(Admit(limits, {.tokens = 200, .cost = 0.1})) << "the estimate counts while the answer is on its way";
    place->Settle(100, 1.5);
    place->Settle(1000, 50);  // a second time counts nothing
  }
  auto second = Admit(limits, {.tokens = 900, .cost = 3.5});
  ASSERT_TRUE(second);
  second->Settle(5000, 0);  // an answer longer than was thought
  EXPECT_FALSE(Admit(limits, {.tokens = 1}));
}

TEST_F(LimitsTest, BudgetsComeBackWithTheirPeriodAndSurviveARestart) {
  Open();
  const LimitSet limits{.budgets = {{Unit::kRequests, 1, Period::kHour}}};
  EXPECT_TRUE(Admit(limits));
  limits_.reset();
  Open();
  auto refused = Admit(limits);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().budget);
  EXPECT_EQ(refused.error().error.code, Code::kExhausted);
  EXPECT_EQ(refused.error().error.message, "the budget of the key 'app', 1 requests per hour, is spent");
  const int64_t into_hour = hand_.seconds->load() % 3600;
  EXPECT_EQ(refused.error().headers.Get("retry-after"), std::to_string(3600 - into_hour));
  EXPECT_EQ(refused.error().headers.Get("x-should-retry"), "false");
  *hand_.seconds += 3600;
  EXPECT_TRUE(Admit(limits));
  *hand_.seconds -= 7200;  // the clock jumps back: an hour that has its own budget
  EXPECT_TRUE(Admit(limits));
}

TEST_F(LimitsTest, RatesRefillAndSayWhen) {
  Open();
  const LimitSet limits{.requests_per_second = 0.5};
  EXPECT_TRUE(Admit(limits));
  auto refused = Admit(limits);
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error().budget);
  EXPECT_EQ(refused.error().headers.Get("retry-after"), "2");
  hand_.Pass(2);
  EXPECT_TRUE(Admit(limits));

  const LimitSet many{.requests_per_minute = 60};
  auto first = Admit({{"key:many", many}});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->headers().Get("x-ratelimit-limit-requests"), "60");
  EXPECT_EQ(first->headers().Get("x-ratelimit-remaining-requests"), "59");
  EXPECT_EQ(first->headers().Get("x-ratelimit-reset-requests"), "1s");
}

// Forth would give rates away, back would lock callers out.
TEST_F(LimitsTest, AClockThatJumpsMovesNoRate) {
  Open();
  const LimitSet limits{.requests_per_minute = 1};
  EXPECT_TRUE(Admit(limits));
  for (const int64_t jump : {24 * 3600, -48 * 3600}) {
    *hand_.seconds += jump;
    auto refused = Admit(limits);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().headers.Get("retry-after"), "60");
  }
  hand_.Pass(60);
  EXPECT_TRUE(Admit(limits));
  limits_.reset();
  Open();
  EXPECT_FALSE(Admit(limits)) << "a rate survives the process";
}

TEST_F(LimitsTest, RatesOfAnotherBootAreForgotten) {
  Open();
  const LimitSet limits{.requests_per_minute = 1};
  EXPECT_TRUE(Admit(limits));
  limits_.reset();
  auto database = *ledger::Database::Open(file().string(), false);
  ASSERT_TRUE(database.Execute("UPDATE boot SET id = 'another'"));
  *hand_.steady = 3;  // the steady clock began anew
  Open();
  EXPECT_TRUE(Admit(limits));
}

TEST_F(LimitsTest, WhatIsLargerThanTheWindowPassesAloneAndHoldsUpTheRest) {
  Open();
  const LimitSet limits{.tokens_per_minute = 100};
  auto large = Admit(limits, {.tokens = 250});
  ASSERT_TRUE(large);
  large->Settle(250, 0);
  auto next = Admit(limits, {.tokens = 10});
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().headers.Get("retry-after"), "96");  // 150 s of debt, a window of 60, 6 s for itself
}

TEST_F(LimitsTest, SoManyAtOnce) {
  Open();
  const LimitSet limits{.concurrent = 2};
  auto one = Admit(limits);
  auto two = Admit(limits);
  ASSERT_TRUE(one && two);
  EXPECT_FALSE(Admit(limits));
  two = Admission();  // ended without being settled
  EXPECT_TRUE(Admit(limits));
}

TEST_F(LimitsTest, TheTeamHoldsItsKeysTogetherAndARefusalSpendsNothing) {
  Open();
  const LimitSet team{.budgets = {{Unit::kRequests, 2, Period::kMonth}}};
  const LimitSet key{.budgets = {{Unit::kRequests, 5, Period::kMonth}}};
  EXPECT_TRUE(Admit({{"key:a", key}, {"team:shop", team}}));
  EXPECT_TRUE(Admit({{"key:b", key}, {"team:shop", team}}));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(Admit({{"key:a", key}, {"team:shop", team}}));
  auto alone = Admit({{"key:a", key}});
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->headers().Get("x-ratelimit-remaining-requests"), "3");
}

TEST_F(LimitsTest, WithoutTheFileNobodyWithALimitIsAdmitted) {
  Open();
  auto held = ledger::Database::Open(file().string(), false);
  ASSERT_TRUE(held);
  ASSERT_TRUE(held->Execute("DROP TABLE spent"));
  auto refused = Admit({.budgets = {{Unit::kRequests, 2, Period::kMonth}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error.code, Code::kUnavailable);
  EXPECT_TRUE(Admit(LimitSet{})) << "who has no limit does not need it";
  ASSERT_TRUE(WriteFileAtomic(folder_.path() / "text.db", "this is no database, however long it is read"));
  EXPECT_FALSE(Limits::Open(folder_.path() / "text.db", hand_.clock()));
}

TEST(Period, BeginsAndEnds) {
  const Time now = *ParseTime("2026-02-28T23:59:30Z");
  EXPECT_EQ(FormatTime(PeriodStart(Period::kMinute, now)), "2026-02-28T23:59:00.000Z");
  EXPECT_EQ(FormatTime(PeriodEnd(Period::kHour, now)), "2026-03-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(PeriodStart(Period::kMonth, now)), "2026-02-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(PeriodEnd(Period::kMonth, now)), "2026-03-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(PeriodEnd(Period::kMonth, *ParseTime("2026-12-05T00:00:00Z"))), "2027-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace plumb::gateway
