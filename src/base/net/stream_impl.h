// The Stream over one of Asio's socket types. Slow to compile: include in .cc files only.
#pragma once

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>

#include "base/net/stream.h"

namespace plumb::net {

// What the kernel has for us without taking it: -1 nothing yet, 0 closed (or failed), 1 bytes.
inline int Peek(int socket) {
  char byte;
  const ssize_t got = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return 1;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return -1;
  return 0;
}

template <class Protocol>
class SocketStream final : public Stream {
 public:
  using Socket = boost::beast::basic_stream<Protocol>;
  explicit SocketStream(Socket socket) : socket_(std::move(socket)) {}

  asio::awaitable<size_t> Read(asio::mutable_buffer into, ErrorCode& error) override {
    return socket_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  }
  asio::awaitable<void> Write(std::string_view bytes, ErrorCode& error) override {
    co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  void ExpireAfter(Millis limit) override { socket_.expires_after(limit); }
  void Close() override { socket_.close(); }
  void ShutdownWrite() override {
    ErrorCode ignored;
    socket_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  }
  bool Stale() override { return Peek(socket_.socket().native_handle()) >= 0; }
  bool PeerGone() override { return Peek(socket_.socket().native_handle()) == 0; }

 private:
  Socket socket_;
};

}  // namespace plumb::net
