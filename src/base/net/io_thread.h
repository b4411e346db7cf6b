// An io_context with a thread of its own, for code that is not itself a coroutine.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <memory>
#include <utility>

namespace plumb::net {

namespace asio = boost::asio;

// Runs from construction; the destructor stops it and joins. What was still running is destroyed, not finished.
class IoThread {
 public:
  IoThread();
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  asio::any_io_executor executor() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs a coroutine on `executor`, which another thread runs, and waits for its value.
template <class T>
T Wait(const asio::any_io_executor& executor, asio::awaitable<T> task) {
  return asio::co_spawn(executor, std::move(task), asio::use_future).get();
}

}  // namespace plumb::net
