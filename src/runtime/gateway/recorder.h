// Entries on their way to the ledger, and receipts on their way back. Private to this room.
//
// The ledger commits what waits together; the receipts of one commit come back to the gateway's thread together, and
// nobody's thread waits meanwhile.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "evidence/ledger/ledger.h"

namespace plumb::gateway {

namespace asio = boost::asio;

// Used on the thread that runs `executor`.
class Recorder {
 public:
  explicit Recorder(asio::any_io_executor executor);
  ~Recorder();

  // Until the entry is on disk. Errors: the ledger's.
  asio::awaitable<Result<ledger::Receipt>> Append(ledger::Ledger& ledger, ledger::Entry entry);

 private:
  struct Back;
  std::shared_ptr<Back> back_;  // shared with what the ledger has not done yet
};

}  // namespace plumb::gateway
