// Budgets and rates that hold under concurrency to the last request.
//
//   PLUMB_TRY(auto limits, Limits::Open(folder / "limits.db", clock));
//   auto admitted = co_await limits->Admit(AccountsOf(key, team), {.tokens = 900, .cost = 0.002});
//   if (!admitted) …;                        // 429: admitted.error() says for how long
//   …
//   admitted->Settle(usage.input_tokens + usage.output_tokens, cost);
//
// An estimate is spent at admission, in one SQLite transaction with the check; Settle puts what was really used in its
// place. A process that dies in between has spent its estimates. Several processes on one file hold budgets and rates
// together; `concurrent` counts within one process. What waits together is committed together. Commits survive the death
// of the process; a power cut may forget the last moments. Where the file cannot be read or written, nobody who has a
// limit is admitted.
//
// A budget's period is a matter of the calendar and follows the wall clock; rates follow the steady clock, which no
// change of the time moves and which all processes of a machine share. After a restart of the machine rates begin anew.
//
// Thread-safety: Admit from coroutines on any io_context; Settle and Admission's destructor from any thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "base/net/http.h"
#include "runtime/gateway/budget.h"

namespace plumb::gateway {

// Whose budget: "key:app", "team:shop".
struct Account {
  std::string owner;
  LimitSet limits;
};

struct Estimate {
  int64_t tokens = 0;
  double cost = 0;
};

// Why a request is not admitted.
struct Refusal {
  Error error;                // kExhausted; kUnavailable where the file cannot be used
  bool budget = false;        // spent for the period, rather than too fast: trying again soon is of no use
  net::Headers headers;       // retry-after, x-ratelimit-…
};

class LimitsCore;

// A place that was given to a request. Moves; ends once.
class Admission {
 public:
  Admission() = default;
  Admission(Admission&&) noexcept;
  Admission& operator=(Admission&&) noexcept;
  // Not settled: the estimate stays spent.
  ~Admission();

  // What was really used; later calls do nothing.
  void Settle(int64_t tokens, double cost);
  // x-ratelimit-limit-requests and so on, as OpenAI names them: of the tightest account.
  const net::Headers& headers() const { return headers_; }

 private:
  friend class Limits;
  friend class LimitsCore;
  void End(Estimate used);

  std::shared_ptr<LimitsCore> core_;  // null: nothing to settle
  std::vector<Account> accounts_;
  Estimate estimate_;
  Time at_;
  net::Headers headers_;
};

using Ticks = std::function<std::chrono::steady_clock::time_point()>;

class Limits {
 public:
  // The file is made where it is missing. Errors: kIo, kCorrupt.
  static Result<std::unique_ptr<Limits>> Open(const fs::path& file, Clock clock, Ticks ticks = std::chrono::steady_clock::now);
  // Waits until what was settled is written.
  ~Limits();

  // Accounts without limits cost nothing.
  boost::asio::awaitable<std::expected<Admission, Refusal>> Admit(std::vector<Account> accounts, Estimate estimate);

 private:
  explicit Limits(std::shared_ptr<LimitsCore> core) : core_(std::move(core)) {}
  std::shared_ptr<LimitsCore> core_;
};

}  // namespace plumb::gateway
