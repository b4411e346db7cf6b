#include "model/plumb_lm/mailbox.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace plumb::lm {

Mailbox::Mailbox(asio::any_io_executor executor) : executor_(executor), wake_(executor) {}

void Mailbox::Push(Piece piece) {
  asio::post(executor_, [self = shared_from_this(), piece = std::move(piece)]() mutable {
    self->pieces_.push_back(std::move(piece));
    self->wake_.cancel();
  });
}

asio::awaitable<bool> Mailbox::Next(Piece& piece, std::chrono::milliseconds limit) {
  if (pieces_.empty()) {
    wake_.expires_after(limit);
    boost::system::error_code cancelled;
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  if (pieces_.empty()) co_return false;
  piece = std::move(pieces_.front());
  pieces_.pop_front();
  co_return true;
}

}  // namespace plumb::lm
