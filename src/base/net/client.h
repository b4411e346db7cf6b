// An HTTP/1.1 client: pooled connections, TLS with verification, bodies whole or piece by piece.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/core/result.h"
#include "base/net/address.h"
#include "base/net/http.h"

namespace plumb::net {

namespace asio = boost::asio;

struct Timeouts {
  std::chrono::milliseconds connect{10'000};      // name, TCP and TLS
  std::chrono::milliseconds first_byte{120'000};  // from the request sent to the head of the answer
  std::chrono::milliseconds idle{60'000};         // between two pieces of the body
  std::chrono::milliseconds overall{600'000};     // all of it
};

struct ClientRequest {
  std::string method = "GET";
  Url url;
  Headers headers;  // host, content-length and connection are added
  std::string body;
  Timeouts timeouts;
  // Whether the answer is no longer wanted; looked at ten times a second while it is waited for. The connection is then
  // closed, and what waits fails with kCancelled. Empty: always wanted. Must stay callable while the Download lives.
  std::function<bool()> gone;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

// An answer whose head is there and whose body comes piece by piece. Destroyed early, it closes its connection.
class Download {
 public:
  Download(Download&&) noexcept;
  Download& operator=(Download&&) noexcept;
  ~Download();

  int status() const;
  const Headers& headers() const;
  // The next piece; "" once the body is complete. Errors: kCorrupt (cut off before its end), kUnavailable, kDeadline,
  // kCancelled.
  asio::awaitable<Result<std::string>> Next();
  // Whether nothing more comes.
  bool done() const;
  // Whether Next has its piece without waiting.
  bool Buffered() const;
  // From here on, how long a piece may take.
  void SetIdle(std::chrono::milliseconds limit);
  // All that is left. Error: kExhausted beyond `limit_bytes`.
  asio::awaitable<Result<std::string>> Rest(size_t limit_bytes);

 private:
  friend class Client;
  struct State;
  explicit Download(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct ClientOptions {
  std::string ca_file;                      // certificates to trust beside the system's (PEM)
  size_t max_idle_per_host = 64;
  std::chrono::milliseconds max_idle_age{30'000};
  size_t max_header_bytes = 64 << 10;
  size_t max_body_bytes = 256 << 20;        // of Fetch
};

struct ClientPool;

// Used from one thread, the one that runs the coroutines. Redirects are not followed. A pooled connection that the
// server closed in the meantime is replaced once, unseen; nothing else is retried here.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();

  // Waits for the head of the answer, of any status. Errors: kUnavailable, kDeadline, kPermission (certificate),
  // kCorrupt (not HTTP).
  asio::awaitable<Result<Download>> Open(ClientRequest request);
  // Waits for the whole answer.
  asio::awaitable<Result<ClientResponse>> Fetch(ClientRequest request);

  // Closes what is kept open for later.
  void CloseIdle();

 private:
  std::shared_ptr<ClientPool> pool_;
};

}  // namespace plumb::net
