// The thread that owns the file of Limits. Private to limits.*.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "evidence/ledger/sqlite.h"
#include "runtime/gateway/limits.h"

namespace plumb::gateway {

// What a bucket or a budget has left, for the headers.
struct Level {
  int64_t limit = 0, remaining = 0;
  std::chrono::microseconds reset{0};
};

class LimitsCore : public std::enable_shared_from_this<LimitsCore> {
 public:
  using Outcome = std::expected<Admission, Refusal>;

  LimitsCore(ledger::Database database, Clock clock, Ticks ticks)
      : database_(std::move(database)), clock_(std::move(clock)), ticks_(std::move(ticks)) {}
  Status Prepare();
  void Begin();
  // Writes what is queued and ends the thread.
  void Stop();

  // `done` is called on the core's thread.
  void Admit(std::vector<Account> accounts, Estimate estimate, std::function<void(Outcome)> done);
  void Settle(std::vector<Account> accounts, Time at, Estimate estimated, Estimate used);

 private:
  struct Job {
    std::vector<Account> accounts;
    Estimate estimate, used;
    Time at;                             // of the admission
    std::function<void(Outcome)> admit;  // empty: this settles
    std::optional<Outcome> outcome;
  };

  Status ForgetOtherBoots();
  int64_t NowTicks() const;  // µs of the steady clock
  void Run();
  void Commit(std::vector<Job>& jobs);
  Status Work(std::vector<Job>& jobs);
  Result<Outcome> Decide(const Job& job);
  Status Write(const Job& job);
  // Counts down what ran at once.
  void Leave(const std::vector<Account>& accounts);

  Result<int64_t> Spent(const std::string& owner, const Budget& budget, Time now);
  Status AddSpent(const std::string& owner, const Budget& budget, Time at, int64_t amount);
  Result<int64_t> Arrival(const std::string& owner, int kind);
  Status SetArrival(const std::string& owner, int kind, int64_t arrival);

  ledger::Database database_;
  ledger::Statement get_spent_, add_spent_, get_rate_, set_rate_;
  Clock clock_;
  Ticks ticks_;
  std::map<std::string, int> running_;  // by owner

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace plumb::gateway
