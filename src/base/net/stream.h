// A connected byte stream over TCP, a Unix socket or TLS, with one deadline over what it waits for. Private to this room.
//
// Everything is first tried at once and waits only where the kernel says so; buffers belong to the caller, so that a
// stream that waits costs no more than itself. The deadline's timer is armed once and looks again when it fires, rather
// than being set anew for each operation.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/net/address.h"
#include "base/net/readiness.h"
#include "base/net/tls.h"

namespace plumb::net {

namespace asio = boost::asio;
using Millis = std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

// `executor` as what every executor here is. Error: kInternal where it is no io_context's.
Result<IoExecutor> ToIoExecutor(const asio::any_io_executor& executor);

class Stream {
 public:
  using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, IoExecutor>;

  // `outgoing`: we have called.
  explicit Stream(Socket socket, bool outgoing = false);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // TLS from here on. `host`: whom a client means to reach; empty for a server.
  asio::awaitable<void> ShakeHands(std::shared_ptr<TlsContext> tls, std::string host, ErrorCode& error);
  // Why the peer's certificate is not accepted; empty where it is.
  std::string CertificateFault() const;

  // What is there at once; would_block in `error` where nothing is, eof at the end.
  size_t ReadNow(asio::mutable_buffer into, ErrorCode& error);
  // After would_block: waits until ReadNow has something to say.
  asio::awaitable<void> WaitReadable(ErrorCode& error);
  // What fits at once of `first` and then `second`.
  size_t WriteNow(std::string_view first, std::string_view second, ErrorCode& error);
  // The same without TLS, and what is left of them stands in them afterwards. True where nothing is, and on errors; else
  // Write has something to do.
  bool WriteAtOnce(std::string_view& first, std::string_view& second, ErrorCode& error) { return !tls_ && WriteSome(first, second, error); }
  // All of `first` and then `second`, in one go where the kernel takes it. Both must outlive the wait.
  asio::awaitable<void> Write(std::string_view first, std::string_view second, ErrorCode& error);

  // The deadline of the waits that follow.
  void ExpireAfter(Millis limit);
  // Asked ten times a second during a wait: whether nobody wants this stream any more, which ends it. Empty: never.
  void SetGone(std::function<bool()> gone);
  // Whether that has happened.
  bool abandoned() const;
  // Ends at once; a wait in progress fails.
  void Close();
  // Says that nothing more will be written.
  void ShutdownWrite();
  // While nobody reads: Stale is told without asking the kernel.
  void Listen();
  // Whether bytes are waiting to be read.
  bool HasBytes() const;
  // Whether the peer has closed its side, or sent bytes nobody asked for. Reads nothing.
  bool Stale() const;
  // Whether the peer has gone away.
  bool PeerGone() const;

 private:
  struct Core;
  asio::awaitable<void> Wait(Want want, ErrorCode& error);
  bool WriteSome(std::string_view& first, std::string_view& second, ErrorCode& error);

  std::shared_ptr<Core> core_;  // shared with the timer's handler
  std::unique_ptr<TlsSession> tls_;
  Want write_wants_ = Want::kWrite, read_wants_ = Want::kRead;
};

// Connects within `limit`; with `tls`, shakes hands and checks the certificate against the host name. Errors:
// kUnavailable, kDeadline, kPermission (certificate).
asio::awaitable<Result<std::unique_ptr<Stream>>> Connect(Url url, std::shared_ptr<TlsContext> tls, Millis limit);

// Whether `error` is a deadline of ExpireAfter.
bool IsTimeout(const ErrorCode& error);
// A sentence for a failed operation: "connection reset by peer".
Error StreamError(const ErrorCode& error, std::string_view doing, const std::string& where);

}  // namespace plumb::net
