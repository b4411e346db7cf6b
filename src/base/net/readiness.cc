#include "base/net/readiness.h"

#include <unistd.h>

#include <boost/asio/detail/throw_error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace plumb::net {

Readiness::Watch::Watch() : reactor_op(ErrorCode(), &Perform, &Complete) {}

// `owner` is null where the io_context ends: what waits is thrown away then.
void Readiness::Watch::Complete(void* owner, asio::detail::operation* base, const ErrorCode&, size_t) {
  auto* watch = static_cast<Watch*>(base);
  const std::shared_ptr<Readiness> keep = std::move(watch->keep);
  std::optional<Handler> waiting = std::exchange(watch->waiting, std::nullopt);
  watch->queued = false;
  watch->ready = true;
  if (owner && waiting) std::move (*waiting)();
}

Readiness::Readiness(const IoExecutor& executor, int descriptor)
    : reactor_(asio::use_service<asio::detail::reactor>(executor.context())), descriptor_(descriptor) {
  reactor_.init_task();
  if (const int failed = reactor_.register_descriptor(descriptor_, data_)) {
    asio::detail::throw_error(ErrorCode(failed, boost::system::system_category()), "epoll");
  }
}

Readiness::~Readiness() { Close(); }

void Readiness::Listen(Way way) {
  Watch& watch = watches_[way];
  if (watch.queued || !is_open()) return;
  watch.queued = true;
  watch.keep = shared_from_this();
  reactor_.start_op(way, descriptor_, data_, &watch, true, true);
}

asio::awaitable<void> Readiness::Wait(Way way) {
  return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [this, way](auto&& handler) {
        watches_[way].waiting.emplace(std::move(handler));
        Listen(way);
      },
      asio::use_awaitable);
}

void Readiness::Wake(Way way) {
  Watch& watch = watches_[way];
  watch.ready = true;
  std::optional<Handler> waiting = std::exchange(watch.waiting, std::nullopt);
  if (waiting) std::move (*waiting)();
}

void Readiness::Close() {
  if (!is_open()) return;
  reactor_.deregister_descriptor(descriptor_, data_, true);
  ::close(descriptor_);
  reactor_.cleanup_descriptor_data(data_);
  descriptor_ = -1;
}

}  // namespace plumb::net
