#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "evidence/ledger/ledger_fixture_test.h"
#include "evidence/ledger/sqlite.h"

namespace plumb::ledger {
namespace {

TEST(LedgerWriters, ThreadsAndProcessesInterleave) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  { OpenOrDie(path); }
  std::vector<pid_t> children;
  for (int p = 0; p < 3; ++p) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto ledger = Ledger::Open(path, {});
      if (!ledger) ::_exit(1);
      std::vector<std::thread> threads;
      std::atomic<bool> good = true;
      for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
          for (int i = 0; i < 50; ++i)
            if (!(*ledger)->Append(Exchange(i))) good = false;
        });
      for (auto& thread : threads) thread.join();
      ledger->reset();
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }
  auto verification = OpenOrDie(path, true)->Verify({});
  ASSERT_TRUE(verification);
  EXPECT_TRUE(verification->problems.empty()) << verification->problems[0].what;
  EXPECT_EQ(verification->size, 600u);
}

TEST(LedgerWriters, ALockedDatabaseIsWaitedForOnceAndThenRefusedAtOnce) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  auto ledger = *Ledger::Open(path, {.lock_limit = std::chrono::milliseconds(300)});
  ASSERT_TRUE(ledger->Append(Exchange(0)));
  const auto refused_after = [&] {
    const auto start = std::chrono::steady_clock::now();
    auto receipt = ledger->Append(Exchange(1));
    EXPECT_FALSE(receipt);
    EXPECT_EQ(receipt.error().code, Code::kConflict) << receipt.error().Text();
    return std::chrono::steady_clock::now() - start;
  };
  {
    auto other = *Database::Open(path.string(), false);
    auto transaction = *Transaction::Begin(other);
    EXPECT_GE(refused_after(), std::chrono::milliseconds(250));
    for (int i = 0; i < 3; ++i) EXPECT_LT(refused_after(), std::chrono::milliseconds(250));
    EXPECT_EQ(ledger->List({})->size(), 1u) << "reading goes on";
  }
  EXPECT_EQ(ledger->Append(Exchange(2))->index, 1u);
  EXPECT_TRUE(ProblemsOf(path).empty());
}

}  // namespace
}  // namespace plumb::ledger
