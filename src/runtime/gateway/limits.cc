#include "runtime/gateway/limits.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "runtime/gateway/limits_core.h"

namespace plumb::gateway {

namespace asio = boost::asio;

Admission::Admission(Admission&&) noexcept = default;

Admission& Admission::operator=(Admission&& other) noexcept {
  if (this == &other) return *this;
  End(estimate_);
  core_ = std::move(other.core_);
  accounts_ = std::move(other.accounts_);
  estimate_ = other.estimate_;
  at_ = other.at_;
  headers_ = std::move(other.headers_);
  return *this;
}

Admission::~Admission() { End(estimate_); }

void Admission::Settle(int64_t tokens, double cost) { End({tokens, cost}); }

void Admission::End(Estimate used) {
  if (auto core = std::move(core_)) core->Settle(std::move(accounts_), at_, estimate_, used);
  core_ = nullptr;
}

Result<std::unique_ptr<Limits>> Limits::Open(const fs::path& file, Clock clock, Ticks ticks) {
  if (file.has_parent_path()) PLUMB_CHECK(MakeFolder(file.parent_path()));
  PLUMB_TRY(ledger::Database database, ledger::Database::Open(file.string(), false));
  auto core = std::make_shared<LimitsCore>(std::move(database), std::move(clock), std::move(ticks));
  PLUMB_CHECK(core->Prepare());
  core->Begin();
  return std::unique_ptr<Limits>(new Limits(std::move(core)));
}

Limits::~Limits() { core_->Stop(); }

asio::awaitable<std::expected<Admission, Refusal>> Limits::Admit(std::vector<Account> accounts, Estimate estimate) {
  std::erase_if(accounts, [](const Account& account) { return account.limits.empty(); });
  if (accounts.empty()) co_return Admission();
  struct Waiter {
    explicit Waiter(const asio::any_io_executor& executor) : timer(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
    std::optional<LimitsCore::Outcome> outcome;
  };
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto waiter = std::make_shared<Waiter>(executor);
  core_->Admit(std::move(accounts), estimate, [waiter, executor](LimitsCore::Outcome outcome) {
    auto shared = std::make_shared<LimitsCore::Outcome>(std::move(outcome));
    asio::post(executor, [waiter, shared] {
      waiter->outcome = std::move(*shared);
      waiter->timer.cancel();
    });
  });
  while (!waiter->outcome) {
    boost::system::error_code cancelled;
    co_await waiter->timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  co_return std::move(*waiter->outcome);
}

}  // namespace plumb::gateway
