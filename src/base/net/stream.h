// A connected byte stream with one deadline over what is in flight: TCP, Unix socket or TLS underneath. Private to
// this room.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/core/result.h"
#include "base/net/address.h"

namespace plumb::net {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Millis = std::chrono::milliseconds;

class Stream {
 public:
  virtual ~Stream() = default;
  // Reads at least one byte, or sets `error` (end of stream too).
  virtual asio::awaitable<size_t> Read(asio::mutable_buffer into, ErrorCode& error) = 0;
  // Writes everything. `bytes` must outlive the wait.
  virtual asio::awaitable<void> Write(std::string_view bytes, ErrorCode& error) = 0;
  // The deadline of the operations that follow.
  virtual void ExpireAfter(Millis limit) = 0;
  // Ends at once; operations in flight fail.
  virtual void Close() = 0;
  // Says that nothing more will be written.
  virtual void ShutdownWrite() = 0;
  // Whether the peer has closed its side, or sent bytes nobody asked for. Reads nothing.
  virtual bool Stale() = 0;
  // Whether the peer has gone away.
  virtual bool PeerGone() = 0;
};

struct TlsContext;  // trust anchors for clients

// Makes the context of a client: the system's trust store, and `ca_file` (PEM) where it is not empty. Error: kNotFound,
// kInvalid.
Result<std::shared_ptr<TlsContext>> MakeTlsContext(const std::string& ca_file);

// Connects within `limit`; with `tls`, shakes hands and checks the certificate against the host name. Errors:
// kUnavailable, kDeadline, kPermission (certificate).
asio::awaitable<Result<std::unique_ptr<Stream>>> Connect(Url url, std::shared_ptr<TlsContext> tls, Millis limit);

// Whether `error` is a deadline of ExpireAfter.
bool IsTimeout(const ErrorCode& error);
// A sentence for a failed operation: "connection reset by peer".
Error StreamError(const ErrorCode& error, std::string_view doing, const std::string& where);

}  // namespace plumb::net
