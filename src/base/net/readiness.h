// When a socket may be read or written: registered with epoll once, and no system call for a wait. Private to this room.
//
// Asio's own async_wait tells epoll anew each time. Here the edge that epoll reports is remembered: a wait that follows
// it returns at once, and one that does not costs a place in a queue. This rests on Asio's reactor itself
// (boost/asio/detail/epoll_reactor.hpp, as of Boost 1.81), and on nothing else of its insides.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/detail/reactor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>

namespace plumb::net {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using IoExecutor = asio::io_context::executor_type;

// Owns a descriptor. To be made by std::make_shared; used on the io_context's thread.
class Readiness : public std::enable_shared_from_this<Readiness> {
 public:
  enum Way { kRead = asio::detail::reactor::read_op, kWrite = asio::detail::reactor::write_op };

  // Takes the descriptor, which must be non-blocking. Throws what Asio throws where epoll does not take it.
  Readiness(const IoExecutor& executor, int descriptor);
  virtual ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }
  // Nothing is left to be done this way: the next wait is for news.
  void Exhausted(Way way) { watches_[way].ready = false; }
  // Whether something is known to be to do.
  bool Ready(Way way) const { return watches_[way].ready; }
  // Whether it is known that nothing came since Exhausted.
  bool Still(Way way) const { return !watches_[way].ready && watches_[way].queued; }
  // From now on news is noticed, also where nobody waits for it.
  void Listen(Way way);
  // Waits for news, of which there must be none yet (Ready), or Close.
  asio::awaitable<void> Wait(Way way);
  // Ends the wait in progress, as if news had come.
  void Wake(Way way);
  void Close();

 private:
  using Handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;
  // What stands in the reactor's queue; once for each way.
  struct Watch final : asio::detail::reactor_op {
    Watch();
    static status Perform(reactor_op*) { return done_and_exhausted; }
    static void Complete(void* owner, asio::detail::operation* base, const ErrorCode&, size_t);
    std::shared_ptr<Readiness> keep;  // while it is queued
    std::optional<Handler> waiting;
    bool queued = false, ready = true;
  };

  asio::detail::reactor& reactor_;
  asio::detail::reactor::per_descriptor_data data_{};
  int descriptor_;
  Watch watches_[2];
};

}  // namespace plumb::net
