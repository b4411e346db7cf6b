// An HTTP/1.1 server: one coroutine per connection, one Handler call per request.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/core/json.h"
#include "base/net/address.h"
#include "base/net/http.h"

namespace plumb::net {

namespace asio = boost::asio;
class Stream;

// Where a handler answers: once with Send, or with Start, any number of Write, and Finish. Every call waits until the
// bytes are with the kernel, so that a slow reader slows the writer down. Errors (the client has left, or reads too
// slowly) are safe to ignore: what follows is then dropped.
class ResponseWriter {
 public:
  // The whole answer.
  asio::awaitable<Status> Send(int status, std::string_view content_type, std::string_view body);
  asio::awaitable<Status> SendJson(int status, const json::value& body);

  // A streamed answer: chunked, or until the connection closes for an HTTP/1.0 client. `first` goes out with the head.
  asio::awaitable<Status> Start(int status, std::string_view content_type, std::string_view first = {});
  asio::awaitable<Status> Write(std::string_view piece);
  // The last piece and the end in one.
  asio::awaitable<Status> Finish(std::string_view last = {});

  // Cuts the connection, so that nobody takes what was sent for whole.
  void Abort();

  // Fields of the answer; set before Send or Start.
  Headers headers;

  bool started() const { return started_; }
  int status() const { return status_; }
  // Whether the client has closed its connection.
  bool PeerGone();

 private:
  friend class Connection;
  ResponseWriter(Stream& stream, bool head, bool http10, bool keep_alive, std::chrono::milliseconds write_limit)
      : stream_(stream), head_(head), http10_(http10), keep_alive_(keep_alive), write_limit_(write_limit) {}
  void MakeHead(int status, std::string_view content_type, std::optional<size_t> length);
  // Frames `piece` behind what `bytes_` holds, and sends both; `last`: with the end of the body.
  asio::awaitable<Status> PutChunk(std::string_view piece, bool last);
  asio::awaitable<Status> Put(std::string_view first, std::string_view second);
  asio::awaitable<Status> BegunTwice();

  Stream& stream_;
  bool head_, http10_, keep_alive_;
  std::chrono::milliseconds write_limit_;
  std::string bytes_;  // the head of the answer, then the frame of each chunk
  std::string json_;   // what SendJson sends
  bool started_ = false, finished_ = false, broken_ = false;
  int status_ = 0;
};

// Answers one request. What it throws becomes a 500. `request` and `out` live until it returns.
using Handler = std::function<asio::awaitable<void>(Request& request, ResponseWriter& out)>;

// Files of a server's TLS, all PEM. They are looked at now and then, and read again where they have changed.
struct TlsFiles {
  std::string certificate;  // and its chain
  std::string key;
  std::string client_ca;    // where set, clients must show a certificate that one of these has signed
  std::chrono::milliseconds look_every{1'000};
};

struct ServerOptions {
  size_t max_header_bytes = 64 << 10;          // beyond: 431
  size_t max_body_bytes = 32 << 20;            // beyond: 413
  size_t max_connections = 16384;              // beyond: the one that has been idle longest is closed, else the new one
  std::chrono::milliseconds header_limit{15'000};   // for the whole head, once its first byte is there
  std::chrono::milliseconds body_limit{60'000};     // for the whole body
  std::chrono::milliseconds idle_limit{75'000};     // between requests
  std::chrono::milliseconds write_limit{60'000};    // for one write
  std::optional<TlsFiles> tls;                      // TCP only
  std::function<void(const std::string&)> warn;     // what the operator should know; empty: dropped
};

class Server {
 public:
  // Binds and begins to accept on `executor`, an io_context's. A Unix socket left behind by a dead process is replaced.
  // Errors: kConflict (the port or socket is in use), kPermission, kInvalid, kNotFound (a TLS file).
  static Result<std::unique_ptr<Server>> Listen(asio::any_io_executor executor, const Address& address,
                                                Handler handler, ServerOptions options = {});
  // Closes every connection at once.
  ~Server();

  // Where it listens, with the port it was given.
  const Address& address() const;
  // "http://127.0.0.1:8080", "https://…" with TLS
  std::string url() const;
  size_t connections() const;

  // Stops accepting, closes idle connections, lets requests in progress (and those already sent to us) finish for up to
  // `grace`, then closes them.
  asio::awaitable<void> Drain(std::chrono::milliseconds grace);

 private:
  struct State;
  explicit Server(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace plumb::net
