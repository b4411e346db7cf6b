// From the thread that computes to a coroutine that writes: pieces of an answer, in order.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <string>

namespace plumb::lm {

namespace asio = boost::asio;

struct Piece {
  int status = 200;
  std::string body;
  bool last = false;
};

// Push from any thread; Next in the executor's own.
class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(asio::any_io_executor executor);
  void Push(Piece piece);
  // Waits for a piece at most `limit`; false where none came.
  asio::awaitable<bool> Next(Piece& piece, std::chrono::milliseconds limit);

  std::atomic<bool> abandoned{false};  // nobody reads any more

 private:
  asio::any_io_executor executor_;
  asio::steady_timer wake_;
  std::deque<Piece> pieces_;
};

}  // namespace plumb::lm
