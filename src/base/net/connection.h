// One client's connection to a Server: requests read one after the other, each handed to the handler. Private to this
// room.
#pragma once

#include <memory>
#include <string>

#include "base/net/server.h"
#include "base/net/stream.h"

namespace plumb::net {

class Connection {
 public:
  Connection(std::unique_ptr<Stream> stream, std::string peer, bool loopback, const ServerOptions& options)
      : stream_(std::move(stream)), peer_(std::move(peer)), loopback_(loopback), options_(options) {}

  // Until the client or the server has had enough.
  asio::awaitable<void> Serve(const Handler& handler);
  // No further request: closes now when between two, else after the one in progress.
  void Retire();
  void Close();

 private:
  struct Parsed;
  // Whether a whole request was read; otherwise the connection is to be closed (an error answer has been sent).
  asio::awaitable<bool> ReadRequest(Parsed& parsed);
  // Reads more bytes into pending_. False at the end of the stream, and on errors.
  asio::awaitable<bool> ReadMore(ErrorCode& error);
  asio::awaitable<void> Refuse(int status, std::string_view message);
  asio::awaitable<void> Answer(const Handler& handler, Request& request, ResponseWriter& out);

  std::unique_ptr<Stream> stream_;
  std::string peer_;
  bool loopback_;
  const ServerOptions& options_;
  std::string pending_;  // read and not yet parsed
  bool busy_ = false;
  bool retiring_ = false;
};

}  // namespace plumb::net
