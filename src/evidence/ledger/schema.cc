#include "evidence/ledger/schema.h"

#include <memory>

namespace plumb::ledger {
namespace {

constexpr int kApplicationId = 0x504C4D42;  // "PLMB"

constexpr char kTables[] = R"(
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
  idx INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, time TEXT NOT NULL, entry TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS entries_kind ON entries (kind, idx);
CREATE TABLE IF NOT EXISTS nodes (
  level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, idx)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subjects (subject TEXT PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS texts (
  idx INTEGER NOT NULL, field TEXT NOT NULL, subject TEXT NOT NULL, sealed BLOB, PRIMARY KEY (idx, field)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS texts_subject ON texts (subject);
CREATE TABLE IF NOT EXISTS derived (parent TEXT NOT NULL, child TEXT NOT NULL, PRIMARY KEY (parent, child)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL);
)";

}  // namespace

Status PrepareSchema(Database& db) {
  PLUMB_TRY(auto id, db.Prepare("PRAGMA application_id"));
  PLUMB_TRY(bool row, id.Step());
  const int64_t application = row ? id.Int(0) : 0;
  PLUMB_TRY(auto version, db.Prepare("PRAGMA user_version"));
  PLUMB_TRY(row, version.Step());
  const int64_t found = row ? version.Int(0) : 0;
  if (application == kApplicationId && found == kSchemaVersion) return {};
  if (application == kApplicationId)
    return FailAt(db.path(), Code::kUnsupported, "ledger of schema version {}; this program writes version {}", found, kSchemaVersion);
  PLUMB_TRY(auto count, db.Prepare("SELECT count(*) FROM sqlite_master"));
  PLUMB_TRY(row, count.Step());
  if (application != 0 || (row && count.Int(0) != 0))
    return FailAt(db.path(), Code::kCorrupt, "is a database of another program, not a ledger");
  count.Reset();
  PLUMB_TRY(auto transaction, Transaction::Begin(db));
  PLUMB_CHECK(db.Execute(kTables));
  PLUMB_CHECK(db.Execute(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId, kSchemaVersion)));
  return transaction.Commit();
}

Result<std::string> GetMeta(Database& db, std::string_view key) {
  PLUMB_TRY(auto get, db.Prepare("SELECT value FROM meta WHERE key = ?"));
  get.Bind(1, key);
  PLUMB_TRY(const bool found, get.Step());
  return found ? get.Text(0) : std::string();
}

Status SetMeta(Database& db, std::string_view key, std::string_view value) {
  PLUMB_TRY(auto set, db.Prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"));
  return set.Bind(1, key).BindBlob(2, value).Run();
}

NodeReader ReadNodes(Database& db) {
  auto statement = std::make_shared<Statement>();
  return [&db, statement, prepared = false](int level, uint64_t index) mutable -> Result<std::string> {
    if (!prepared) {
      PLUMB_TRY(*statement, db.Prepare("SELECT hash FROM nodes WHERE level = ? AND idx = ?"));
      prepared = true;
    }
    statement->Bind(1, int64_t{level}).Bind(2, static_cast<int64_t>(index));
    PLUMB_TRY(const bool found, statement->Step());
    std::string hash = found ? statement->Text(0) : std::string();
    statement->Reset();
    if (!found) return Fail(Code::kCorrupt, "tree node {}/{} is missing", level, index);
    return hash;
  };
}

}  // namespace plumb::ledger
