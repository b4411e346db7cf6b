#include "base/net/io_thread.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

namespace plumb::net {

struct IoThread::State {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread{[this] { io.run(); }};
};

IoThread::IoThread() : state_(std::make_unique<State>()) {}

IoThread::~IoThread() {
  state_->io.stop();
  state_->thread.join();
}

asio::any_io_executor IoThread::executor() const { return state_->io.get_executor(); }

}  // namespace plumb::net
