// Group commit: many appends, one transaction, one sync.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "evidence/ledger/ledger.h"
#include "evidence/ledger/merkle.h"
#include "evidence/ledger/sqlite.h"

namespace plumb::ledger {

// Owns the writing connection and its thread. Thread-safe.
class Writer {
 public:
  Writer(Database db, std::string origin, std::string seed, Clock clock, std::chrono::milliseconds lock_limit);
  ~Writer();  // commits what is queued

  std::future<Result<Receipt>> Append(Entry entry);

  // Destroys a subject's key and texts and appends the erasure entry, in one transaction.
  std::future<Result<Erasure>> Erase(std::string subject, std::string reason);

 private:
  struct Job;
  void Run();
  void CommitGroup(std::deque<std::unique_ptr<Job>> group);
  Status TryCommit(std::deque<std::unique_ptr<Job>>& group);
  Status CatchUp();
  Result<Receipt> Insert(Entry& entry);
  Result<Erasure> EraseSubject(const std::string& subject, const std::string& reason);
  Status SignHead();

  Database db_;
  const std::string origin_, seed_;
  const Clock clock_;
  const std::chrono::milliseconds lock_limit_;
  Frontier frontier_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace plumb::ledger
