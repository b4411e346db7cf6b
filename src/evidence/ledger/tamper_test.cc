#include <gtest/gtest.h>

#include "evidence/ledger/ledger_fixture_test.h"
#include "evidence/ledger/sqlite.h"

namespace plumb::ledger {
namespace {

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

}  // namespace
}  // namespace plumb::ledger
