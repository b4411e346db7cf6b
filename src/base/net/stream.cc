#include "base/net/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/error.hpp>
#include <filesystem>

#include "base/net/stream_impl.h"

namespace plumb::net {

using asio::ip::tcp;
using Unix = asio::local::stream_protocol;
using TcpSocket = boost::beast::basic_stream<tcp>;
using UnixSocket = boost::beast::basic_stream<Unix>;

struct TlsContext {
  asio::ssl::context context{asio::ssl::context::tls_client};
};

namespace {

class TlsStream final : public Stream {
 public:
  TlsStream(TcpSocket socket, std::shared_ptr<TlsContext> tls)
      : tls_(std::move(tls)), stream_(std::move(socket), tls_->context) {}

  asio::awaitable<size_t> Read(asio::mutable_buffer into, ErrorCode& error) override {
    return stream_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  }
  asio::awaitable<void> Write(std::string_view bytes, ErrorCode& error) override {
    co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  void ExpireAfter(Millis limit) override { stream_.next_layer().expires_after(limit); }
  void Close() override { stream_.next_layer().close(); }
  void ShutdownWrite() override { Close(); }
  // A TLS 1.3 session ticket may wait unread: bytes alone do not make the connection stale.
  bool Stale() override { return PeerGone(); }
  bool PeerGone() override { return Peek(stream_.next_layer().socket().native_handle()) == 0; }

  asio::ssl::stream<TcpSocket>& stream() { return stream_; }

 private:
  std::shared_ptr<TlsContext> tls_;
  asio::ssl::stream<TcpSocket> stream_;
};

// Ends `resolver` when the time is up. (getaddrinfo itself cannot be interrupted; its answer is then ignored.)
asio::awaitable<tcp::resolver::results_type> Resolve(const Address& address, ErrorCode& error) {
  auto executor = co_await asio::this_coro::executor;
  ErrorCode not_literal;
  const auto literal = asio::ip::make_address(address.host, not_literal);
  if (!not_literal) {
    const tcp::endpoint endpoint(literal, address.port);
    co_return tcp::resolver::results_type::create(endpoint, address.host, std::to_string(address.port));
  }
  tcp::resolver resolver(executor);
  const std::string port = std::to_string(address.port);
  auto found = co_await resolver.async_resolve(address.host, port, asio::redirect_error(asio::use_awaitable, error));
  co_return found;
}

asio::awaitable<Result<std::unique_ptr<Stream>>> ConnectUnix(std::string path, Millis limit) {
  auto executor = co_await asio::this_coro::executor;
  if (path.size() > 107) {
    co_return FailAt("unix:" + path, Code::kInvalid, "the path of a Unix socket may hold 107 bytes, this has {}",
                     path.size());
  }
  UnixSocket socket(executor);
  socket.expires_after(limit);
  ErrorCode error;
  const Unix::endpoint endpoint(path);
  co_await socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return std::unexpected(StreamError(error, "connecting", "unix:" + path));
  std::unique_ptr<Stream> stream = std::make_unique<SocketStream<Unix>>(std::move(socket));
  co_return stream;
}

asio::awaitable<Result<std::unique_ptr<Stream>>> ShakeHands(TcpSocket socket, std::shared_ptr<TlsContext> tls,
                                                            std::string host, std::string where) {
  auto stream = std::make_unique<TlsStream>(std::move(socket), std::move(tls));
  ErrorCode error;
  ErrorCode not_literal;
  asio::ip::make_address(host, not_literal);
  // Server name indication carries names only, never addresses.
  if (not_literal) SSL_set_tlsext_host_name(stream->stream().native_handle(), host.c_str());
  stream->stream().set_verify_callback(asio::ssl::host_name_verification(host), error);
  if (!error) {
    co_await stream->stream().async_handshake(asio::ssl::stream_base::client,
                                              asio::redirect_error(asio::use_awaitable, error));
  }
  if (error) {
    const long verified = SSL_get_verify_result(stream->stream().native_handle());
    if (verified != X509_V_OK) {
      co_return FailAt(where, Code::kPermission, "the server's certificate is not accepted: {}",
                       X509_verify_cert_error_string(verified));
    }
    co_return std::unexpected(StreamError(error, "the TLS handshake", where));
  }
  std::unique_ptr<Stream> done = std::move(stream);
  co_return done;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> MakeTlsContext(const std::string& ca_file) {
  auto tls = std::make_shared<TlsContext>();
  ErrorCode error;
  tls->context.set_default_verify_paths(error);
  tls->context.set_verify_mode(asio::ssl::verify_peer, error);
  SSL_CTX_set_min_proto_version(tls->context.native_handle(), TLS1_2_VERSION);
  if (!ca_file.empty()) {
    if (!std::filesystem::exists(ca_file)) return FailAt(ca_file, Code::kNotFound, "the CA file does not exist");
    tls->context.load_verify_file(ca_file, error);
    if (error) return FailAt(ca_file, Code::kInvalid, "this is not a PEM file of certificates: {}", error.message());
  }
  return tls;
}

asio::awaitable<Result<std::unique_ptr<Stream>>> Connect(Url url, std::shared_ptr<TlsContext> tls, Millis limit) {
  if (url.address.unix_socket()) {
    auto connected = co_await ConnectUnix(url.address.socket, limit);
    co_return connected;
  }
  auto executor = co_await asio::this_coro::executor;
  const std::string where = url.address.Text();
  ErrorCode error;
  const auto found = co_await Resolve(url.address, error);
  if (error) {
    co_return FailAt(where, Code::kUnavailable, "the host name '{}' was not found: {}", url.address.host,
                     error.message());
  }
  TcpSocket socket(executor);
  socket.expires_after(limit);
  co_await socket.async_connect(found, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return std::unexpected(StreamError(error, "connecting", where));
  socket.socket().set_option(tcp::no_delay(true), error);
  if (url.tls) {
    auto secured = co_await ShakeHands(std::move(socket), std::move(tls), url.address.host, where);
    co_return secured;
  }
  std::unique_ptr<Stream> stream = std::make_unique<SocketStream<tcp>>(std::move(socket));
  co_return stream;
}

bool IsTimeout(const ErrorCode& error) { return error == boost::beast::error::timeout; }

Error StreamError(const ErrorCode& error, std::string_view doing, const std::string& where) {
  if (IsTimeout(error)) return {Code::kDeadline, fmt::format("{} took too long", doing), where};
  return {Code::kUnavailable, fmt::format("{} failed: {}", doing, error.message()), where};
}

}  // namespace plumb::net
