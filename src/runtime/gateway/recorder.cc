#include "runtime/gateway/recorder.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <utility>
#include <vector>

namespace plumb::gateway {

using Waiter = asio::async_result<asio::use_awaitable_t<>, void(Result<ledger::Receipt>)>::handler_type;

struct Recorder::Back {
  struct Done {
    Waiter handler;
    Result<ledger::Receipt> receipt;
  };

  explicit Back(asio::any_io_executor e) : executor(std::move(e)) {}

  const asio::any_io_executor executor;
  std::mutex mutex;
  std::vector<Done> done;

  // On the ledger's thread. One message to the gateway's for all that come before it is read.
  static void Put(std::shared_ptr<Back> back, Done one) {
    bool first = false;
    {
      const std::lock_guard lock(back->mutex);
      first = back->done.empty();
      back->done.push_back(std::move(one));
    }
    if (first) asio::post(back->executor, [back] { back->HandOut(); });
  }
  void HandOut() {
    std::vector<Done> mine;
    {
      const std::lock_guard lock(mutex);
      mine.swap(done);
    }
    for (Done& one : mine) std::move(one.handler)(std::move(one.receipt));
  }
};

Recorder::Recorder(asio::any_io_executor executor) : back_(std::make_shared<Back>(std::move(executor))) {}
Recorder::~Recorder() = default;

asio::awaitable<Result<ledger::Receipt>> Recorder::Append(ledger::Ledger& ledger, ledger::Entry entry) {
  return asio::async_initiate<const asio::use_awaitable_t<>&, void(Result<ledger::Receipt>)>(
      [back = back_, &ledger](auto&& handler, ledger::Entry given) {
        ledger.Append(std::move(given), [back, handler = std::move(handler)](Result<ledger::Receipt> receipt) mutable {
          Back::Put(back, {std::move(handler), std::move(receipt)});
        });
      },
      asio::use_awaitable, std::move(entry));
}

}  // namespace plumb::gateway
