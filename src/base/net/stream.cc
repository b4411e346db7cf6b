#include "base/net/stream.h"

#include <openssl/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

namespace plumb::net {

using asio::ip::tcp;
using Unix = asio::local::stream_protocol;
using Timer = asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, IoExecutor>;

namespace {

// What the kernel has for us without taking it: -1 nothing yet, 0 closed (or failed), 1 bytes.
int Peek(int socket) {
  char byte;
  const ssize_t got = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return 1;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return -1;
  return 0;
}

}  // namespace

struct Stream::Core final : Readiness {
  Core(const IoExecutor& executor, int descriptor) : Readiness(executor, descriptor), timer(executor) {}

  Timer timer;
  Steady::time_point deadline = Steady::time_point::max();
  Steady::time_point armed = Steady::time_point::max();  // when the timer fires
  std::function<bool()> gone;
  bool counts = false;   // the kernel says with every read how much is left
  bool outgoing = false;
  bool waiting = false;
  bool expired = false;
  bool abandoned = false;

  // When the timer is to look next.
  Steady::time_point Look() const {
    if (gone) return std::min(deadline, Steady::now() + Millis(100));
    return outgoing ? std::min(deadline, Steady::now() + Millis(1000)) : deadline;
  }
  void Arm(Steady::time_point when) {
    armed = when;
    timer.expires_at(when);
    timer.async_wait([core = std::static_pointer_cast<Core>(shared_from_this())](const ErrorCode& cancelled) {
      if (!cancelled) core->Fire();
    });
  }
  void Fire() {
    armed = Steady::time_point::max();
    if (!waiting) return;  // the next wait arms it again
    expired = Steady::now() >= deadline;
    abandoned = !expired && gone && gone();
    if (expired || abandoned) return Close();
    Arm(Look());
    // A reset that came together with the last bytes brings no news of its own.
    if (outgoing && Peek(descriptor()) == 0) Wake(kRead);
  }
  void Close() {
    Readiness::Close();
    timer.cancel();
  }
};

namespace {

void SetSystemError(ErrorCode& error) {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    error = asio::error::would_block;
  } else {
    error.assign(errno, boost::system::system_category());
  }
}

// `left`: how much the kernel still has for us after this, where it is asked; more than 0 where the peer has closed.
ssize_t Receive(int socket, asio::mutable_buffer into, int* left) {
  if (!left) return ::recv(socket, into.data(), into.size(), 0);
  iovec part{into.data(), into.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(socket, &message, 0);
  if (got <= 0) return got;
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level == SOL_TCP && one->cmsg_type == TCP_CM_INQ) std::memcpy(left, CMSG_DATA(one), sizeof *left);
  }
  return got;
}

// The endpoints behind a name; a literal address is taken as it is.
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

// Connects `socket`, which is closed where the time is up before.
template <class Socket, class Endpoints>
asio::awaitable<void> ConnectWithin(Socket& socket, Endpoints endpoints, Millis limit, ErrorCode& error) {
  struct Race {
    bool connected = false, late = false;
  };
  auto race = std::make_shared<Race>();  // the timer's handler may run after this coroutine has ended
  Timer timer(socket.get_executor(), limit);
  timer.async_wait([&socket, race](const ErrorCode& cancelled) {
    if (cancelled || race->connected) return;
    race->late = true;
    ErrorCode ignored;
    socket.close(ignored);
  });
  co_await asio::async_connect(socket, endpoints, asio::redirect_error(asio::use_awaitable, error));
  race->connected = true;
  if (race->late) error = asio::error::timed_out;
}

asio::awaitable<Result<std::unique_ptr<Stream>>> ConnectUnix(IoExecutor executor, std::string path, Millis limit) {
  if (path.size() > 107) {
    co_return FailAt("unix:" + path, Code::kInvalid, "the path of a Unix socket may hold 107 bytes, this has {}",
                     path.size());
  }
  asio::basic_stream_socket<Unix, IoExecutor> socket(executor);
  ErrorCode error;
  const std::vector<Unix::endpoint> endpoints = {Unix::endpoint(path)};
  co_await ConnectWithin(socket, endpoints, limit, error);
  if (error) co_return std::unexpected(StreamError(error, "connecting", "unix:" + path));
  co_return std::make_unique<Stream>(Stream::Socket(std::move(socket)), true);
}

}  // namespace

Result<IoExecutor> ToIoExecutor(const asio::any_io_executor& executor) {
  if (const auto* io = executor.target<IoExecutor>()) return *io;
  return Fail(Code::kInternal, "base/net works on an io_context's executor only");
}

Stream::Stream(Socket socket, bool outgoing) {
  ErrorCode ignored;
  socket.native_non_blocking(true, ignored);
  const IoExecutor executor = socket.get_executor();
  core_ = std::make_shared<Core>(executor, socket.release());
  core_->outgoing = outgoing;
  const int on = 1;
  core_->counts = ::setsockopt(core_->descriptor(), IPPROTO_TCP, TCP_INQ, &on, sizeof on) == 0;
}

Stream::~Stream() { core_->Close(); }

// Called where the kernel has just said that nothing can be done, or has said so with the last read.
asio::awaitable<void> Stream::Wait(Want want, ErrorCode& error) {
  Core& core = *core_;
  if (want != Want::kNothing && core.is_open()) {
    if (const auto look = core.Look(); look < core.armed) core.Arm(look);
    const auto way = want == Want::kWrite ? Readiness::kWrite : Readiness::kRead;
    core.Exhausted(way);
    core.waiting = true;
    co_await core.Wait(way);
    core.waiting = false;
  }
  error = {};
  if (core.expired) error = asio::error::timed_out;
  else if (!core.is_open()) error = asio::error::operation_aborted;
}

asio::awaitable<void> Stream::ShakeHands(std::shared_ptr<TlsContext> tls, std::string host, ErrorCode& error) {
  tls_ = std::make_unique<TlsSession>(std::move(tls), core_->descriptor(), host);
  while (true) {
    error = {};
    const Want want = tls_->Handshake(error);
    if (error || want == Want::kNothing) co_return;
    co_await Wait(want, error);
    if (error) co_return;
  }
}

std::string Stream::CertificateFault() const {
  const long verified = tls_ ? tls_->verified() : X509_V_OK;
  return verified == X509_V_OK ? "" : X509_verify_cert_error_string(verified);
}

size_t Stream::ReadNow(asio::mutable_buffer into, ErrorCode& error) {
  error = {};
  if (!core_->is_open()) {
    error = core_->expired ? asio::error::timed_out : asio::error::operation_aborted;
    return 0;
  }
  if (tls_) {
    size_t got = 0;
    read_wants_ = tls_->Read(static_cast<char*>(into.data()), into.size(), got, error);
    if (error) return 0;
    if (read_wants_ != Want::kNothing) error = asio::error::would_block;
    return got;
  }
  if (core_->counts && !core_->Ready(Readiness::kRead)) {
    error = asio::error::would_block;
    return 0;
  }
  int left = -1;
  const ssize_t got = Receive(core_->descriptor(), into, core_->counts ? &left : nullptr);
  if (left == 0) core_->Exhausted(Readiness::kRead);
  if (got > 0) return static_cast<size_t>(got);
  if (got == 0) error = asio::error::eof;
  else SetSystemError(error);
  return 0;
}

asio::awaitable<void> Stream::WaitReadable(ErrorCode& error) {
  if (tls_ && tls_->HasBytes()) return Wait(Want::kNothing, error);
  return Wait(read_wants_ == Want::kWrite ? Want::kWrite : Want::kRead, error);
}

size_t Stream::WriteNow(std::string_view first, std::string_view second, ErrorCode& error) {
  error = {};
  if (!core_->is_open()) {
    error = core_->expired ? asio::error::timed_out : asio::error::operation_aborted;
    return 0;
  }
  if (tls_) {
    size_t put = 0;
    write_wants_ = tls_->Write(first.empty() ? second : first, put, error);
    if (!error && write_wants_ != Want::kNothing) error = asio::error::would_block;
    return error ? 0 : put;
  }
  iovec parts[2] = {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = first.empty() ? parts + 1 : parts;
  message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
  const ssize_t put = ::sendmsg(core_->descriptor(), &message, MSG_NOSIGNAL);
  if (put >= 0) return static_cast<size_t>(put);
  SetSystemError(error);
  write_wants_ = Want::kWrite;
  return 0;
}

bool Stream::WriteSome(std::string_view& first, std::string_view& second, ErrorCode& error) {
  const size_t put = WriteNow(first, second, error), of_first = std::min(put, first.size());
  first.remove_prefix(of_first);
  second.remove_prefix(put - of_first);
  return (first.empty() && second.empty()) || (error && error != asio::error::would_block);
}

asio::awaitable<void> Stream::Write(std::string_view first, std::string_view second, ErrorCode& error) {
  error = {};
  std::string joined;
  if (tls_ && !first.empty() && !second.empty() && second.size() < 16384) {
    // One record instead of two.
    joined.reserve(first.size() + second.size());
    joined.append(first).append(second);
    first = joined;
    second = {};
  }
  while (!first.empty() || !second.empty()) {
    if (WriteSome(first, second, error)) co_return;
    if (!error) continue;
    co_await Wait(write_wants_, error);
    if (error) co_return;
  }
}

void Stream::ExpireAfter(Millis limit) { core_->deadline = Steady::now() + limit; }

void Stream::SetGone(std::function<bool()> gone) { core_->gone = std::move(gone); }

bool Stream::abandoned() const { return core_->abandoned; }

void Stream::Close() { core_->Close(); }

void Stream::ShutdownWrite() {
  if (!core_->is_open()) return;
  if (tls_) tls_->Shutdown();
  ::shutdown(core_->descriptor(), SHUT_WR);
}

void Stream::Listen() { core_->Listen(Readiness::kRead); }

bool Stream::HasBytes() const {
  if (!core_->is_open()) return false;
  return (tls_ && tls_->HasBytes()) || Peek(core_->descriptor()) == 1;
}

bool Stream::Stale() const {
  if (!core_->is_open()) return true;
  if (core_->Still(Readiness::kRead)) return false;
  const int peeked = Peek(core_->descriptor());
  // A TLS 1.3 session ticket may wait unread: bytes alone do not make the connection stale.
  return tls_ ? peeked == 0 : peeked >= 0;
}

bool Stream::PeerGone() const { return !core_->is_open() || Peek(core_->descriptor()) == 0; }

asio::awaitable<Result<std::unique_ptr<Stream>>> Connect(Url url, std::shared_ptr<TlsContext> tls, Millis limit) {
  const asio::any_io_executor any = co_await asio::this_coro::executor;
  PLUMB_CO_TRY(const IoExecutor executor, ToIoExecutor(any));
  if (url.address.unix_socket()) {
    auto connected = co_await ConnectUnix(executor, url.address.socket, limit);
    co_return connected;
  }
  const std::string where = url.address.Text();
  ErrorCode error;
  const auto found = co_await Resolve(url.address, error);
  if (error) {
    co_return FailAt(where, Code::kUnavailable, "the host name '{}' was not found: {}", url.address.host,
                     error.message());
  }
  const auto until = Steady::now() + limit;
  asio::basic_stream_socket<tcp, IoExecutor> socket(executor);
  co_await ConnectWithin(socket, found, limit, error);
  if (error) co_return std::unexpected(StreamError(error, "connecting", where));
  socket.set_option(tcp::no_delay(true), error);
  auto stream = std::make_unique<Stream>(Stream::Socket(std::move(socket)), true);
  if (!url.tls) co_return stream;
  stream->ExpireAfter(std::max(Millis(1), std::chrono::duration_cast<Millis>(until - Steady::now())));
  co_await stream->ShakeHands(std::move(tls), url.address.host, error);
  if (error) {
    const std::string fault = stream->CertificateFault();
    if (!fault.empty()) co_return FailAt(where, Code::kPermission, "the server's certificate is not accepted: {}", fault);
    co_return std::unexpected(StreamError(error, "the TLS handshake", where));
  }
  co_return stream;
}

bool IsTimeout(const ErrorCode& error) { return error == asio::error::timed_out; }

Error StreamError(const ErrorCode& error, std::string_view doing, const std::string& where) {
  if (IsTimeout(error)) return {Code::kDeadline, fmt::format("{} took too long", doing), where};
  return {Code::kUnavailable, fmt::format("{} failed: {}", doing, error.message()), where};
}

}  // namespace plumb::net
