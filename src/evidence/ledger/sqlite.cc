#include "evidence/ledger/sqlite.h"

#include <filesystem>

namespace plumb::ledger {
namespace {

std::unexpected<Error> SqlError(sqlite3* db, std::string_view path) {
  const int code = sqlite3_errcode(db);
  const Code kind = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Code::kCorrupt
                    : code == SQLITE_BUSY || code == SQLITE_LOCKED  ? Code::kConflict
                                                                    : Code::kIo;
  return FailAt(std::string(path), kind, "{}", sqlite3_errmsg(db));
}

}  // namespace

Statement& Statement::Bind(int at, std::string_view text) {
  sqlite3_bind_text(statement_.get(), at, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  return *this;
}
Statement& Statement::BindBlob(int at, std::string_view bytes) {
  sqlite3_bind_blob(statement_.get(), at, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
  return *this;
}
Statement& Statement::Bind(int at, int64_t number) {
  sqlite3_bind_int64(statement_.get(), at, number);
  return *this;
}

Result<bool> Statement::Step() {
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: {
      sqlite3* db = sqlite3_db_handle(statement_.get());
      const char* path = sqlite3_db_filename(db, "main");
      return SqlError(db, path ? path : "");
    }
  }
}

Status Statement::Run() {
  auto done = Step();
  Reset();
  if (!done) return std::unexpected(done.error());
  return {};
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::string Statement::Text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  return std::string(static_cast<const char*>(bytes ? bytes : ""), sqlite3_column_bytes(statement_.get(), column));
}
int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }
bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<Database> Database::Open(const std::string& path, bool read_only) {
  // Nobody asks how much memory SQLite has: without counts, an allocation takes no lock. Refused where it is in use already.
  static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(uncounted);
  std::error_code ignored;
  if (read_only && !std::filesystem::exists(path, ignored)) return FailAt(path, Code::kNotFound, "no ledger here");
  Database database;
  database.path_ = path;
  sqlite3* db = nullptr;
  const int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  database.db_.reset(db);
  if (code != SQLITE_OK) return SqlError(db, path);
  sqlite3_busy_timeout(db, 30'000);
  return database;
}

void Database::WaitAtMost(std::chrono::milliseconds limit) const { sqlite3_busy_timeout(db_.get(), static_cast<int>(limit.count())); }

Result<Statement> Database::Prepare(std::string_view sql) const {
  Statement statement;
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK)
    return SqlError(db_.get(), path_);
  statement.statement_.reset(raw);
  return statement;
}

Status Database::Execute(const std::string& sql) const {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return SqlError(db_.get(), path_);
  return {};
}

Result<Transaction> Transaction::Begin(Database& db) {
  PLUMB_CHECK(db.Execute("BEGIN IMMEDIATE"));
  return Transaction(&db);
}

Status Transaction::Commit() {
  PLUMB_CHECK(db_->Execute("COMMIT"));
  db_ = nullptr;
  return {};
}

Transaction::~Transaction() {
  if (db_) (void)db_->Execute("ROLLBACK");
}

}  // namespace plumb::ledger
