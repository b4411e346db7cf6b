#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <deque>
#include <random>
#include <thread>

#include "base/core/full_disk_test.h"
#include "evidence/ledger/ledger_fixture_test.h"
#include "evidence/ledger/sqlite.h"

namespace plumb::ledger {
namespace {

// The issue's own test: kill -9 in the middle of 10,000 appends, 50 times over.
TEST(LedgerCrash, KillNineLosesNoAcknowledgedEntry) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  { OpenOrDie(path); }
  std::mt19937 random(7);
  uint64_t acknowledged = 0, last_killed_in_the_middle = 0;
  for (int round = 0; round < 50; ++round) {
    int acks[2];
    ASSERT_EQ(::pipe(acks), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(acks[0]);
      auto ledger = Ledger::Open(path, {});
      if (!ledger) ::_exit(1);
      std::deque<std::future<Result<Receipt>>> flying;
      for (int i = 0; i < 10'000; ++i) {
        flying.push_back((*ledger)->AppendAsync(Exchange(i)));
        if (flying.size() < 64) continue;
        auto receipt = flying.front().get();
        flying.pop_front();
        if (receipt && ::write(acks[1], &receipt->index, sizeof receipt->index) < 0) ::_exit(1);
      }
      ::_exit(0);
    }
    ::close(acks[1]);
    // Four rounds of five die while appending, however slow this build is; the fifth may die while opening.
    uint64_t index = 0, largest = 0, count = 0;
    if (round % 5 != 0 && ::read(acks[0], &index, sizeof index) == sizeof index) largest = index, count = 1;
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
    ::kill(child, SIGKILL);
    while (::read(acks[0], &index, sizeof index) == sizeof index) largest = std::max(largest, index), ++count;
    ::close(acks[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    acknowledged += count;
    if (WIFSIGNALED(status) && count > 0) ++last_killed_in_the_middle;
    auto ledger = OpenOrDie(path, true);
    auto head = ledger->Head();
    if (count > 0) {
      ASSERT_TRUE(head);
      EXPECT_GT(head->size, largest) << "round " << round;
    }
  }
  EXPECT_GT(last_killed_in_the_middle, 25u) << "most rounds must die while appending";
  auto verification = OpenOrDie(path, true)->Verify({});
  ASSERT_TRUE(verification);
  EXPECT_TRUE(verification->problems.empty()) << verification->problems[0].what;
  EXPECT_GE(verification->size, acknowledged);
}

TEST(Ledger, RefusesOtherFiles) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "text.db", std::string(5000, 'x')));
  EXPECT_FALSE(Ledger::Open(folder.path() / "text.db", {}));
  EXPECT_EQ(Ledger::Open(folder.path() / "none.db", {.read_only = true}).error().code, Code::kNotFound);
  {
    auto other = *Database::Open((folder.path() / "other.db").string(), false);
    ASSERT_TRUE(other.Execute("CREATE TABLE t (x)"));
  }
  EXPECT_EQ(Ledger::Open(folder.path() / "other.db", {}).error().code, Code::kCorrupt);
  { OpenOrDie(folder.path() / "a.db"); }
  { OpenOrDie(folder.path() / "b.db"); }
  fs::copy_file(folder.path() / "b.db.key", folder.path() / "a.db.key", fs::copy_options::overwrite_existing);
  EXPECT_FALSE(Ledger::Open(folder.path() / "a.db", {}));
}

TEST(Ledger, TruncatedFileIsFound) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  {
    auto ledger = OpenOrDie(path);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(ledger->Append(Exchange(i)));
  }
  auto bytes = *ReadFile(path);
  ASSERT_TRUE(WriteFileAtomic(path, std::string_view(bytes).substr(0, bytes.size() / 2)));
  auto ledger = Ledger::Open(path, {.read_only = true});
  if (ledger) {
    EXPECT_FALSE(ProblemsOf(path).empty());
  }
}

// A ledger whose process ended without closing it: what was appended last stands in the write-ahead log.
fs::path LeftInTheLog(const TempFolder& folder, int entries) {
  const auto path = folder.path() / "ledger.db";
  const pid_t child = ::fork();
  if (child == 0) {
    auto ledger = Ledger::Open(path, {});
    for (int i = 0; ledger && i < entries; ++i)
      if (!(*ledger)->Append(Exchange(i))) ::_exit(1);
    ::_exit(ledger ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_GT(fs::file_size(path.string() + "-wal"), 0u);
  return path;
}

TEST(LedgerDamage, GarbageBesideAnIntactLogIsFoundAndNothingIsLostSilently) {
  for (const int entries : {5, 600}) {  // the log alone holds the first; the second has been folded into the file in part
    TempFolder folder;
    const auto path = LeftInTheLog(folder, entries);
    ASSERT_TRUE(WriteFileAtomic(path, std::string(fs::file_size(path), '\x5a')));
    auto ledger = Ledger::Open(path, {});
    if (!ledger) {
      EXPECT_EQ(ledger.error().code, Code::kCorrupt) << ledger.error().Text();
      continue;
    }
    auto verification = (*ledger)->Verify({});
    EXPECT_TRUE(!verification || !verification->problems.empty() || verification->size == static_cast<uint64_t>(entries));
  }
}

TEST(LedgerDamage, ALogWhoseFileIsGoneIsKept) {
  for (const bool empty : {true, false}) {
    TempFolder folder;
    const auto path = LeftInTheLog(folder, 5);
    const auto log = *ReadFile(path.string() + "-wal");
    empty ? fs::resize_file(path, 0) : void(fs::remove(path));
    auto ledger = Ledger::Open(path, {});
    ASSERT_FALSE(ledger) << "SQLite would begin anew and delete the log";
    EXPECT_EQ(ledger.error().code, Code::kCorrupt);
    EXPECT_EQ(*ReadFile(path.string() + "-wal"), log);
    EXPECT_FALSE(Ledger::Open(path, {.read_only = true}));
    EXPECT_EQ(*ReadFile(path.string() + "-wal"), log);
  }
}

// A new ledger in its place would hide that there was one.
TEST(LedgerDamage, ALedgerThatIsGoneBesideItsKeyIsNotBegunAnew) {
  for (const bool empty : {true, false}) {
    TempFolder folder;
    const auto path = folder.path() / "ledger.db";
    ASSERT_TRUE(OpenOrDie(path)->Append(Exchange(1)));
    fs::remove(path.string() + "-wal");
    empty ? fs::resize_file(path, 0) : void(fs::remove(path));
    for (const bool read_only : {true, false}) {
      auto ledger = Ledger::Open(path, {.read_only = read_only});
      ASSERT_FALSE(ledger);
      EXPECT_EQ(ledger.error().code, empty ? Code::kCorrupt : Code::kNotFound);
      EXPECT_NE(ledger.error().message.find("ledger.db.key is still there"), std::string::npos) << ledger.error().message;
    }
    fs::remove(path.string() + ".key");
    EXPECT_TRUE(Ledger::Open(path, {}));
  }
}

TEST(LedgerDamage, AFullDiskRefusesAndTheLedgerGoesOnAfterwards) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  auto ledger = OpenOrDie(path);
  ASSERT_TRUE(ledger->Append(Exchange(0)));
  uint64_t acknowledged = 1;
  {
    FullDisk full(256 << 10);
    Result<Receipt> receipt = ledger->Append(Exchange(1));
    while (receipt) {
      ASSERT_LT(++acknowledged, 10'000u);
      receipt = ledger->Append(Exchange(2));
    }
    EXPECT_EQ(receipt.error().code, Code::kIo);
    EXPECT_EQ(receipt.error().Text().find('\n'), std::string::npos);
    EXPECT_NE(receipt.error().Text().find("ledger.db"), std::string::npos) << receipt.error().Text();
    EXPECT_EQ(ledger->Append(Exchange(3)).error().code, Code::kIo) << "and goes on refusing";
  }
  auto receipt = ledger->Append(Exchange(4));
  ASSERT_TRUE(receipt) << receipt.error().Text();
  EXPECT_EQ(receipt->index, acknowledged) << "what was refused is not there";
  EXPECT_TRUE(ProblemsOf(path).empty());
}

}  // namespace
}  // namespace plumb::ledger
