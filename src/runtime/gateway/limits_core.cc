#include "runtime/gateway/limits_core.h"

#include <cmath>

namespace plumb::gateway {
namespace {

using Micros = std::chrono::microseconds;

constexpr char kSchema[] = R"(
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS spent(
  owner TEXT NOT NULL, unit INTEGER NOT NULL, period INTEGER NOT NULL, start INTEGER NOT NULL, amount INTEGER NOT NULL,
  PRIMARY KEY(owner, unit, period, start)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rate(
  owner TEXT NOT NULL, kind INTEGER NOT NULL, arrival INTEGER NOT NULL, PRIMARY KEY(owner, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS boot(id TEXT NOT NULL);
)";

int64_t ToMicros(Time time) { return std::chrono::duration_cast<Micros>(time.time_since_epoch()).count(); }

// A rate as the generic cell rate algorithm keeps it (ITU-T I.371): one number, the time until which what was let
// through has used the rate up. One unit costs `each`; `window` is what may be used at once.
struct Rate {
  int kind;
  Unit unit;
  int64_t limit;
  int64_t each, window;  // µs
};

std::vector<Rate> RatesOf(const LimitSet& limits) {
  std::vector<Rate> rates;
  if (limits.requests_per_second > 0) {
    const int64_t each = std::llround(1e6 / limits.requests_per_second);
    rates.push_back({0, Unit::kRequests, std::max<int64_t>(1, std::llround(limits.requests_per_second)), each,
                     std::max<int64_t>(1'000'000, each)});
  }
  const auto per_minute = [&](int kind, Unit unit, int64_t limit) {
    if (limit > 0) rates.push_back({kind, unit, limit, std::max<int64_t>(1, 60'000'000 / limit), 60'000'000});
  };
  per_minute(1, Unit::kRequests, limits.requests_per_minute);
  per_minute(2, Unit::kTokens, limits.tokens_per_minute);
  return rates;
}

int64_t AmountOf(Unit unit, const Estimate& estimate) {
  switch (unit) {
    case Unit::kRequests: return 1;
    case Unit::kTokens: return std::max<int64_t>(0, estimate.tokens);
    case Unit::kMoney: return std::max<int64_t>(0, ToMillionths(estimate.cost));
  }
  return 0;
}

// A very long answer must not lock anybody out for long.
int64_t Clamped(int64_t arrival, int64_t now, const Rate& rate) { return std::min(arrival, now + 10 * rate.window); }

// As OpenAI writes durations: "120ms", "1s", "6m0s", "2h0m0s".
std::string ResetText(Micros reset) {
  const int64_t ms = (reset.count() + 999) / 1000;
  if (ms < 1000) return fmt::format("{}ms", ms);
  const int64_t s = (ms + 999) / 1000;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{}s", s / 60, s % 60);
  return fmt::format("{}h{}m{}s", s / 3600, s / 60 % 60, s % 60);
}

// The tightest level of each unit.
struct Levels {
  std::optional<Level> requests, tokens;

  void Take(Unit unit, Level level) {
    if (unit == Unit::kMoney) return;
    std::optional<Level>& place = unit == Unit::kRequests ? requests : tokens;
    if (!place || level.remaining < place->remaining) place = level;
  }
  void Write(net::Headers& headers) const {
    const auto write = [&](std::string_view unit, const std::optional<Level>& level) {
      if (!level) return;
      headers.Set(fmt::format("x-ratelimit-limit-{}", unit), fmt::format("{}", level->limit));
      headers.Set(fmt::format("x-ratelimit-remaining-{}", unit), fmt::format("{}", std::max<int64_t>(0, level->remaining)));
      headers.Set(fmt::format("x-ratelimit-reset-{}", unit), ResetText(level->reset));
    };
    write("requests", requests);
    write("tokens", tokens);
  }
};

std::string WhoseText(const std::string& owner) {
  const size_t colon = owner.find(':');
  return fmt::format("the {} '{}'", owner.substr(0, colon), owner.substr(colon + 1));
}

std::string AmountText(Unit unit, int64_t amount) {
  return unit == Unit::kMoney ? fmt::format("{:.6g}", static_cast<double>(amount) / 1e6) : fmt::format("{} {}", amount, UnitName(unit));
}

Refusal Unusable(const Error& error) {
  Refusal refusal;
  refusal.error = {Code::kUnavailable, "budgets cannot be checked at the moment", ""};
  refusal.error.where = error.where;
  return refusal;
}

}  // namespace

Status LimitsCore::Prepare() {
  PLUMB_CHECK(database_.Execute(kSchema));
  PLUMB_CHECK(ForgetOtherBoots());
  const int64_t old = ToMicros(clock_() - std::chrono::days(400));
  PLUMB_CHECK(database_.Execute(fmt::format("DELETE FROM spent WHERE start < {}", old)));
  PLUMB_TRY(get_spent_, database_.Prepare("SELECT amount FROM spent WHERE owner=?1 AND unit=?2 AND period=?3 AND start=?4"));
  PLUMB_TRY(add_spent_, database_.Prepare("INSERT INTO spent VALUES(?1,?2,?3,?4,max(0,?5)) ON CONFLICT DO UPDATE SET "
                                          "amount = max(0, amount + ?5)"));
  PLUMB_TRY(get_rate_, database_.Prepare("SELECT arrival FROM rate WHERE owner=?1 AND kind=?2"));
  PLUMB_TRY(set_rate_, database_.Prepare("INSERT INTO rate VALUES(?1,?2,?3) ON CONFLICT DO UPDATE SET arrival = ?3"));
  return {};
}

// The steady clock begins anew with the machine: what it meant before means nothing now.
Status LimitsCore::ForgetOtherBoots() {
  const auto read = ReadFile("/proc/sys/kernel/random/boot_id");
  const std::string here(read ? Trim(*read) : "");
  PLUMB_TRY(ledger::Transaction transaction, ledger::Transaction::Begin(database_));
  PLUMB_TRY(ledger::Statement known, database_.Prepare("SELECT 1 FROM boot WHERE id=?1"));
  PLUMB_TRY(const bool same, known.Bind(1, here).Step());
  known.Reset();
  if (same) return {};
  PLUMB_CHECK(database_.Execute("DELETE FROM rate; DELETE FROM boot"));
  PLUMB_TRY(ledger::Statement put, database_.Prepare("INSERT INTO boot VALUES(?1)"));
  PLUMB_CHECK(put.Bind(1, here).Run());
  return transaction.Commit();
}

int64_t LimitsCore::NowTicks() const { return std::chrono::duration_cast<Micros>(ticks_().time_since_epoch()).count(); }

void LimitsCore::Begin() {
  thread_ = std::thread([this] { Run(); });
}

void LimitsCore::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LimitsCore::Admit(std::vector<Account> accounts, Estimate estimate, std::function<void(Outcome)> done) {
  Job job;
  job.accounts = std::move(accounts);
  job.estimate = estimate;
  job.admit = std::move(done);
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void LimitsCore::Settle(std::vector<Account> accounts, Time at, Estimate estimated, Estimate used) {
  Job job;
  job.accounts = std::move(accounts);
  job.estimate = estimated;
  job.used = used;
  job.at = at;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;  // the estimate stays spent
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void LimitsCore::Run() {
  while (true) {
    std::vector<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      jobs.swap(queue_);
    }
    Commit(jobs);
  }
}

void LimitsCore::Commit(std::vector<Job>& jobs) {
  const auto running = running_;
  Status done = Work(jobs);
  if (!done) {
    // Nothing of it was written: nobody of these is admitted, and what ended has ended all the same.
    running_ = running;
    for (Job& job : jobs) {
      if (job.admit) job.outcome = std::unexpected(Unusable(done.error()));
      else Leave(job.accounts);
    }
  }
  for (Job& job : jobs) {
    if (!job.admit) continue;
    Outcome outcome = std::move(*job.outcome);
    if (outcome) outcome->core_ = shared_from_this();  // from here on it is to be settled
    job.admit(std::move(outcome));
  }
}

Status LimitsCore::Work(std::vector<Job>& jobs) {
  PLUMB_TRY(ledger::Transaction transaction, ledger::Transaction::Begin(database_));
  for (Job& job : jobs) {
    if (job.admit) {
      PLUMB_TRY(job.outcome, Decide(job));
    } else {
      PLUMB_CHECK(Write(job));
      Leave(job.accounts);
    }
  }
  return transaction.Commit();
}

Result<LimitsCore::Outcome> LimitsCore::Decide(const Job& job) {
  const Time now = clock_();
  const int64_t now_us = NowTicks();
  Levels levels;
  struct Bucket {
    const std::string* owner;
    Rate rate;
    int64_t arrival;
  };
  std::vector<Bucket> buckets;
  std::optional<Refusal> refusal;
  int64_t wait_us = 0;
  // The longest wait is the one that counts.
  const auto refuse = [&](int64_t wait, bool budget, std::string message) {
    if (refusal && wait <= wait_us) return;
    wait_us = wait;
    refusal.emplace();
    refusal->error = {Code::kExhausted, std::move(message), ""};
    refusal->budget = budget;
  };
  for (const Account& account : job.accounts) {
    const std::string& owner = account.owner;
    const auto running = running_.find(owner);
    if (account.limits.concurrent > 0 && running != running_.end() && running->second >= account.limits.concurrent) {
      refuse(1'000'000, false, fmt::format("{} has {} requests running, as many as it may", WhoseText(owner), account.limits.concurrent));
    }
    for (const Rate& rate : RatesOf(account.limits)) {
      PLUMB_TRY(const int64_t stored, Arrival(owner, rate.kind));
      const int64_t before = std::max(now_us, Clamped(stored, now_us, rate));
      const int64_t after = before + AmountOf(rate.unit, job.estimate) * rate.each;
      // What is larger than the whole window passes when nothing else is counted, and holds up what follows.
      const bool fits = after - now_us <= rate.window || before == now_us;
      const int64_t arrival = fits ? after : before;
      levels.Take(rate.unit, {rate.limit, (rate.window - (arrival - now_us)) / rate.each, Micros(arrival - now_us)});
      if (!fits) {
        refuse(std::min(after - rate.window, before) - now_us, false,
               fmt::format("{} may use {} per {}", WhoseText(owner), AmountText(rate.unit, rate.limit), rate.kind == 0 ? "second" : "minute"));
      }
      buckets.push_back({&owner, rate, arrival});
    }
    for (const Budget& budget : account.limits.budgets) {
      PLUMB_TRY(const int64_t spent, Spent(owner, budget, now));
      const int64_t after = spent + AmountOf(budget.unit, job.estimate);
      const bool fits = after <= budget.amount;
      const auto left = std::chrono::duration_cast<Micros>(PeriodEnd(budget.per, now) - now);
      levels.Take(budget.unit, {budget.amount, budget.amount - (fits ? after : spent), left});
      if (!fits) {
        refuse(left.count(), true,
               fmt::format("the budget of {}, {} per {}, is spent", WhoseText(owner), AmountText(budget.unit, budget.amount), PeriodName(budget.per)));
      }
    }
  }
  if (refusal) {
    levels.Write(refusal->headers);
    refusal->headers.Set("retry-after", fmt::format("{}", std::max<int64_t>(1, (wait_us + 999'999) / 1'000'000)));
    // OpenAI's and Anthropic's clients heed it.
    if (refusal->budget) refusal->headers.Set("x-should-retry", "false");
    return Outcome(std::unexpected(std::move(*refusal)));
  }
  for (const Bucket& bucket : buckets) PLUMB_CHECK(SetArrival(*bucket.owner, bucket.rate.kind, bucket.arrival));
  for (const Account& account : job.accounts) {
    if (account.limits.concurrent > 0) ++running_[account.owner];
    for (const Budget& budget : account.limits.budgets) {
      PLUMB_CHECK(AddSpent(account.owner, budget, now, AmountOf(budget.unit, job.estimate)));
    }
  }
  Admission admission;
  admission.accounts_ = job.accounts;
  admission.estimate_ = job.estimate;
  admission.at_ = now;
  levels.Write(admission.headers_);
  return Outcome(std::move(admission));
}

Status LimitsCore::Write(const Job& job) {
  const int64_t now_us = NowTicks();
  for (const Account& account : job.accounts) {
    for (const Budget& budget : account.limits.budgets) {
      const int64_t more = AmountOf(budget.unit, job.used) - AmountOf(budget.unit, job.estimate);
      if (more != 0) PLUMB_CHECK(AddSpent(account.owner, budget, job.at, more));
    }
    for (const Rate& rate : RatesOf(account.limits)) {
      const int64_t more = AmountOf(rate.unit, job.used) - AmountOf(rate.unit, job.estimate);
      if (more == 0) continue;
      PLUMB_TRY(const int64_t arrival, Arrival(account.owner, rate.kind));
      PLUMB_CHECK(SetArrival(account.owner, rate.kind, Clamped(arrival + more * rate.each, now_us, rate)));
    }
  }
  return {};
}

void LimitsCore::Leave(const std::vector<Account>& accounts) {
  for (const Account& account : accounts) {
    if (account.limits.concurrent > 0 && --running_[account.owner] <= 0) running_.erase(account.owner);
  }
}

Result<int64_t> LimitsCore::Spent(const std::string& owner, const Budget& budget, Time now) {
  get_spent_.Bind(1, owner).Bind(2, static_cast<int64_t>(budget.unit)).Bind(3, static_cast<int64_t>(budget.per));
  get_spent_.Bind(4, ToMicros(PeriodStart(budget.per, now)));
  auto row = get_spent_.Step();
  const int64_t amount = row && *row ? get_spent_.Int(0) : 0;
  get_spent_.Reset();
  if (!row) return std::unexpected(row.error());
  return amount;
}

Status LimitsCore::AddSpent(const std::string& owner, const Budget& budget, Time at, int64_t amount) {
  add_spent_.Bind(1, owner).Bind(2, static_cast<int64_t>(budget.unit)).Bind(3, static_cast<int64_t>(budget.per));
  add_spent_.Bind(4, ToMicros(PeriodStart(budget.per, at))).Bind(5, amount);
  return add_spent_.Run();
}

Result<int64_t> LimitsCore::Arrival(const std::string& owner, int kind) {
  get_rate_.Bind(1, owner).Bind(2, static_cast<int64_t>(kind));
  auto row = get_rate_.Step();
  const int64_t arrival = row && *row ? get_rate_.Int(0) : 0;
  get_rate_.Reset();
  if (!row) return std::unexpected(row.error());
  return arrival;
}

Status LimitsCore::SetArrival(const std::string& owner, int kind, int64_t arrival) {
  set_rate_.Bind(1, owner).Bind(2, static_cast<int64_t>(kind)).Bind(3, arrival);
  return set_rate_.Run();
}

}  // namespace plumb::gateway
