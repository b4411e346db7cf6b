#include "evidence/ledger/ledger.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <deque>
#include <random>
#include <thread>

#include "base/core/full_disk_test.h"
#include "evidence/ledger/sqlite.h"

namespace plumb::ledger {
namespace {

std::unique_ptr<Ledger> OpenOrDie(const fs::path& path, bool read_only = false) {
  auto ledger = Ledger::Open(path, {.read_only = read_only});
  if (!ledger) ADD_FAILURE() << ledger.error().Text();
  return ledger ? std::move(*ledger) : nullptr;
}

Entry Exchange(int i) {
  return {.kind = "exchange", .body = {{"n", i}, {"policy", "abc"}}, .subject = "user-" + std::to_string(i % 3),
          .texts = {{"request", "question " + std::to_string(i)}, {"response", "answer"}}};
}

std::vector<Problem> ProblemsOf(const fs::path& path, std::vector<std::string> witnesses = {}) {
  auto ledger = OpenOrDie(path, true);
  auto verification = ledger->Verify(witnesses);
  if (!verification) return {{std::nullopt, verification.error().Text()}};
  return verification->problems;
}

TEST(Ledger, AppendedEntriesComeBackAndVerify) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  auto ledger = OpenOrDie(path);
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(ledger->Append(Exchange(i))->id);
  auto stored = ledger->Get(ids[7]);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->index, 7u);
  EXPECT_EQ(stored->body.at("n"), 7);
  EXPECT_EQ(stored->texts.at("request"), "question 7");
  EXPECT_EQ(stored->entry.find("question"), std::string::npos) << "personal text must not be in the leaf";
  auto newest = ledger->List({.limit = 3});
  ASSERT_EQ(newest->size(), 3u);
  EXPECT_EQ((*newest)[0].index, 19u);
  auto verification = ledger->Verify({});
  ASSERT_TRUE(verification);
  EXPECT_TRUE(verification->problems.empty()) << verification->problems[0].what;
  EXPECT_EQ(verification->size, 20u);
  EXPECT_EQ(verification->texts, 40u);
  EXPECT_FALSE(verification->witnessed);
  EXPECT_EQ(ledger->Get("nobody").error().code, Code::kNotFound);
}

TEST(Ledger, RefusesWhatItCannotHold) {
  TempFolder folder;
  auto ledger = OpenOrDie(folder.path() / "ledger.db");
  EXPECT_FALSE(ledger->Append({.kind = "x", .body = {{"n", int64_t{1} << 60}}}));
  EXPECT_FALSE(ledger->Append({.kind = "x", .texts = {{"request", "\xff"}}}));
  EXPECT_FALSE(ledger->Append({.kind = ""}));
  EXPECT_TRUE(ledger->Append({.kind = "x", .id = "one"}));
  EXPECT_EQ(ledger->Append({.kind = "x", .id = "one"}).error().code, Code::kConflict);
  EXPECT_EQ(ledger->Head()->size, 1u);
  EXPECT_TRUE(ledger->Verify({})->problems.empty());
}

TEST(Ledger, ProofsStandAlone) {
  TempFolder folder;
  auto ledger = OpenOrDie(folder.path() / "ledger.db");
  std::vector<std::string> ids;
  for (int i = 0; i < 11; ++i) ids.push_back(ledger->Append(Exchange(i))->id);
  for (const auto& id : ids) {
    auto proof = ledger->Prove(id);
    ASSERT_TRUE(proof);
    EXPECT_TRUE(CheckProof(*proof, ledger->VerifierKey()));
    (*proof)["entry"] = std::string((*proof)["entry"].as_string()) + " ";
    EXPECT_FALSE(CheckProof(*proof, ledger->VerifierKey()));
  }
  auto consistency = ledger->ProveConsistency(3, 8);
  ASSERT_TRUE(consistency);
  EXPECT_TRUE(CheckProof(*consistency, ledger->VerifierKey()));
  (*consistency)["from"] = 4;
  EXPECT_FALSE(CheckProof(*consistency, ledger->VerifierKey()));
  TempFolder other;
  EXPECT_FALSE(CheckProof(*ledger->Prove(ids[0]), OpenOrDie(other.path() / "l.db")->VerifierKey()));
}

// verify_proof.py shares no code with us.
TEST(Ledger, OutsideVerifierAgrees) {
  if (std::system("python3 -c 1 >/dev/null 2>&1") != 0) GTEST_SKIP() << "no python3 here";
  TempFolder folder;
  auto ledger = OpenOrDie(folder.path() / "ledger.db");
  std::string id;
  for (int i = 0; i < 6; ++i) id = ledger->Append(Exchange(i))->id;
  auto proof = *ledger->Prove(id);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "good.json", ToJson(proof)));
  auto consistency = *ledger->ProveConsistency(2, 5);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "grown.json", ToJson(consistency)));
  proof["index"] = 2;
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "bad.json", ToJson(proof)));
  auto run = [&](const char* name) {
    const auto command = fmt::format("python3 {}/src/evidence/ledger/verify_proof.py {} '{}' >/dev/null 2>&1", PLUMB_SOURCE_DIR,
                                     (folder.path() / name).string(), ledger->VerifierKey());
    return WEXITSTATUS(std::system(command.c_str()));
  };
  EXPECT_EQ(run("good.json"), 0);
  EXPECT_EQ(run("grown.json"), 0);
  EXPECT_EQ(run("bad.json"), 1);
}

TEST(LedgerTampering, ChangingAnyByteOfAnyStoredEntryIsFound) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  {
    auto ledger = OpenOrDie(path);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(ledger->Append(Exchange(i)));
  }
  ASSERT_TRUE(ProblemsOf(path).empty());
  auto db = *Database::Open(path.string(), false);
  for (int index = 0; index < 4; ++index) {
    auto get = *db.Prepare("SELECT entry FROM entries WHERE idx = ?");
    get.Bind(1, int64_t{index});
    ASSERT_TRUE(*get.Step());
    const std::string original = get.Text(0);
    get.Reset();
    auto set = *db.Prepare("UPDATE entries SET entry = ? WHERE idx = ?");
    for (size_t byte = 0; byte < original.size(); ++byte) {
      std::string changed = original;
      changed[byte] ^= 1;
      ASSERT_TRUE(set.Bind(1, changed).Bind(2, int64_t{index}).Run());
      EXPECT_FALSE(ProblemsOf(path).empty()) << "entry " << index << " byte " << byte;
    }
    ASSERT_TRUE(set.Bind(1, original).Bind(2, int64_t{index}).Run());
  }
  EXPECT_TRUE(ProblemsOf(path).empty());
}

TEST(LedgerTampering, EveryOtherKindIsFound) {
  const char* attacks[] = {
      "DELETE FROM entries WHERE idx = 2", "DELETE FROM entries WHERE idx = 5", "UPDATE entries SET id = 'x' WHERE idx = 1",
      "UPDATE entries SET kind = 'run' WHERE idx = 1", "UPDATE entries SET time = '2020-01-01T00:00:00.000Z' WHERE idx = 1",
      "UPDATE texts SET sealed = x'00' WHERE idx = 3", "DELETE FROM texts WHERE idx = 3 AND field = 'request'",
      "DELETE FROM subjects", "UPDATE nodes SET hash = zeroblob(32) WHERE level = 1 AND idx = 0", "DELETE FROM checkpoints WHERE size = 6",
      "UPDATE checkpoints SET note = replace(note, 'plumbline', 'plumblime') WHERE size = 4",
      "INSERT INTO entries (idx, id, kind, time, entry) VALUES (6, 'z', 'x', 't', '{}')",
      "UPDATE texts SET sealed = (SELECT sealed FROM texts WHERE idx = 0 AND field = 'request') WHERE idx = 3 AND field = 'request'"};
  for (const char* attack : attacks) {
    TempFolder folder;
    const auto path = folder.path() / "ledger.db";
    {
      auto ledger = OpenOrDie(path);
      for (int i = 0; i < 6; ++i) ASSERT_TRUE(ledger->Append(Exchange(i)));
    }
    ASSERT_TRUE(ProblemsOf(path).empty());
    auto db = *Database::Open(path.string(), false);
    ASSERT_TRUE(db.Execute(attack)) << attack;
    EXPECT_FALSE(ProblemsOf(path).empty()) << attack;
  }
}

TEST(LedgerTampering, TruncationIsFoundByAWitness) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  std::string witness;
  {
    auto ledger = OpenOrDie(path);
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(ledger->Append(Exchange(i)));
    witness = *ledger->HeadNote();
  }
  auto db = *Database::Open(path.string(), false);
  ASSERT_TRUE(db.Execute("DELETE FROM entries WHERE idx = 5; DELETE FROM texts WHERE idx = 5; DELETE FROM nodes WHERE level = 0 AND idx = 5;"
                         "DELETE FROM nodes WHERE level = 1 AND idx = 2; DELETE FROM checkpoints WHERE size = 6"));
  EXPECT_TRUE(ProblemsOf(path).empty()) << "a clean cut cannot be seen from inside";
  EXPECT_FALSE(ProblemsOf(path, {witness}).empty());
}

TEST(LedgerErasure, TextIsGoneAndTheTreeStillVerifies) {
  TempFolder folder;
  const auto path = folder.path() / "ledger.db";
  // Longer than what keys and ciphertext may hold by chance.
  const std::string subject = "ann.lindqvist@example.org";
  std::string id, child, grandchild;
  {
    auto ledger = OpenOrDie(path);
    id = ledger->Append({.kind = "exchange", .subject = subject, .texts = {{"request", "my unusual secret phrase"}}})->id;
    child = ledger->Append({.kind = "finding", .derived_from = {id}})->id;
    grandchild = ledger->Append({.kind = "pair", .derived_from = {child}})->id;
    ASSERT_TRUE(ledger->Append({.kind = "exchange", .subject = "bob", .texts = {{"request", "stays"}}}));
    auto erasure = ledger->Erase(subject, "her request");
    ASSERT_TRUE(erasure) << erasure.error().Text();
    EXPECT_EQ(erasure->texts, 1u);
    EXPECT_EQ(erasure->stale, (std::vector<std::string>{child, grandchild})) << "in order of id";
    EXPECT_TRUE(ledger->Get(id)->texts.at("request").is_null());
    EXPECT_TRUE(CheckProof(*ledger->Prove(id), ledger->VerifierKey()));
    EXPECT_EQ(ledger->Erase(subject, "again").error().code, Code::kNotFound);
  }
  EXPECT_TRUE(ProblemsOf(path).empty());
  const auto bytes = *ReadFile(path);
  EXPECT_EQ(bytes.find(subject), std::string::npos) << "the subject's name is gone from the file";
}

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
