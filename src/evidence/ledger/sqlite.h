// SQLite with our errors: connections, statements and transactions that clean up after themselves.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace plumb::ledger {

// A prepared statement. Bind by position from 1, Step until it returns false, then Reset before the next use.
class Statement {
 public:
  Statement() = default;
  Statement& Bind(int at, std::string_view text);
  Statement& BindBlob(int at, std::string_view bytes);
  Statement& Bind(int at, int64_t number);
  // True: a row is there. False: done. Errors: kIo (disk full), kCorrupt, kConflict (busy).
  Result<bool> Step();
  // Runs to the end and resets.
  Status Run();
  void Reset();
  std::string Text(int column) const;  // text or blob, as bytes
  int64_t Int(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One connection. Not thread-safe: one per thread.
class Database {
 public:
  // Creates the file unless `read_only`. Errors: kNotFound, kIo, kCorrupt (not a database).
  static Result<Database> Open(const std::string& path, bool read_only);
  // How long a statement waits for another process's lock; 30 s unless it is told.
  void WaitAtMost(std::chrono::milliseconds limit) const;
  Result<Statement> Prepare(std::string_view sql) const;
  Status Execute(const std::string& sql) const;
  const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, Close> db_;
  std::string path_;
};

// BEGIN IMMEDIATE; rolled back unless committed.
class Transaction {
 public:
  static Result<Transaction> Begin(Database& db);
  Status Commit();
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction(const Transaction&) = delete;
  ~Transaction();

 private:
  explicit Transaction(Database* db) : db_(db) {}
  Database* db_;
};

}  // namespace plumb::ledger
