#include "base/net/server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "base/net/connection.h"

namespace plumb::net {

using asio::ip::tcp;
using Unix = asio::local::stream_protocol;

template <class Protocol>
using Acceptor = asio::basic_socket_acceptor<Protocol, IoExecutor>;

struct Server::State : std::enable_shared_from_this<Server::State> {
  explicit State(IoExecutor e) : executor(std::move(e)) {}

  IoExecutor executor;
  Address address;
  Handler handler;
  ServerOptions options;
  std::optional<Acceptor<tcp>> tcp_acceptor;
  std::optional<Acceptor<Unix>> unix_acceptor;
  std::optional<TlsReloader> tls;
  std::vector<char> scratch = std::vector<char>(64 << 10);
  Connection::List connections;
  Connection::QuietList quiet;
  size_t count = 0;
  bool closing = false;

  void Warn(const std::string& line) const {
    if (!line.empty() && options.warn) options.warn(line);
  }
  // The context for a new connection; nothing without TLS.
  std::shared_ptr<TlsContext> Tls() {
    if (!tls) return nullptr;
    std::string warning;
    auto current = tls->Current(warning);
    Warn(warning);
    return current;
  }
  // Whether one more connection may come; the one that has been quiet longest makes room for it.
  bool MakeRoom() {
    if (count < options.max_connections) return true;
    if (quiet.empty()) return false;
    Connection& oldest = quiet.front();
    quiet.pop_front();
    oldest.Close();
    return true;
  }

  void StopAccepting() {
    closing = true;
    ErrorCode ignored;
    if (tcp_acceptor) tcp_acceptor->close(ignored);
    if (unix_acceptor && unix_acceptor->is_open()) {
      unix_acceptor->close(ignored);
      ::unlink(address.socket.c_str());
    }
  }
};

namespace {

template <class Protocol>
using Accepted = asio::basic_stream_socket<Protocol, IoExecutor>;

std::string PeerName(const Accepted<tcp>& socket, bool& loopback) {
  ErrorCode error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return "unknown";
  asio::ip::address address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  loopback = address.is_loopback();
  return address.to_string();
}

std::string PeerName(const Accepted<Unix>&, bool& loopback) {
  loopback = true;
  return "unix";
}

void SetNoDelay(Accepted<tcp>& socket) {
  ErrorCode ignored;
  socket.set_option(tcp::no_delay(true), ignored);
}
void SetNoDelay(Accepted<Unix>&) {}

template <class State>
asio::awaitable<void> ServeOne(std::shared_ptr<State> state, Stream::Socket socket, std::string peer, bool loopback) {
  const Connection::Shared shared{state->options, state->quiet, state->scratch};
  Connection connection(std::make_unique<Stream>(std::move(socket)), std::move(peer), loopback, shared);
  struct Listed {
    State& state;
    Listed(State& s, Connection& c) : state(s) {
      state.connections.push_back(c);
      ++state.count;
    }
    ~Listed() { --state.count; }
  } listed(*state, connection);
  try {
    co_await connection.Serve(state->handler, state->Tls());
  } catch (const std::exception&) {
    // Only memory or the event loop itself can fail here; this connection ends, the others go on.
  }
}

template <class State, class Protocol>
asio::awaitable<void> Accept(std::shared_ptr<State> state, Acceptor<Protocol>& acceptor) {
  while (!state->closing) {
    ErrorCode error;
    Accepted<Protocol> socket(state->executor);
    co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (state->closing || error == asio::error::operation_aborted) break;
    if (error) {
      // Out of file descriptors, mostly: others must close before we can go on.
      asio::steady_timer pause(state->executor, std::chrono::milliseconds(50));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    if (!state->MakeRoom()) continue;
    SetNoDelay(socket);
    bool loopback = false;
    std::string peer = PeerName(socket, loopback);
    asio::co_spawn(state->executor, ServeOne(state, Stream::Socket(std::move(socket)), std::move(peer), loopback),
                   asio::detached);
  }
}

std::unexpected<Error> BindError(const ErrorCode& error, const Address& address) {
  if (error == asio::error::address_in_use) {
    return Fail(Code::kConflict,
                "port {} of {} is already in use: stop the program that listens there, or choose another port (0 "
                "takes any free one)",
                address.port, address.host);
  }
  if (error == asio::error::access_denied) {
    return Fail(Code::kPermission, "may not listen on {}: ports below 1024 need root; choose a higher one",
                address.Text());
  }
  return FailAt(address.Text(), Code::kInvalid, "cannot listen here: {}", error.message());
}

Status BindTcp(const IoExecutor& executor, Address& address, std::optional<Acceptor<tcp>>& out) {
  ErrorCode error;
  asio::ip::address ip = asio::ip::make_address(address.host == "localhost" ? "127.0.0.1" : address.host, error);
  if (error) {
    return FailAt(address.Text(), Code::kInvalid, "'{}' is not an address of this machine; use 127.0.0.1, or 0.0.0.0 "
                  "for all", address.host);
  }
  const tcp::endpoint endpoint(ip, address.port);
  Acceptor<tcp> acceptor(executor);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && ip.is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return BindError(error, address);
  address.port = acceptor.local_endpoint(error).port();
  out.emplace(std::move(acceptor));
  return {};
}

Status BindUnix(const IoExecutor& executor, const Address& address, std::optional<Acceptor<Unix>>& out) {
  if (address.socket.size() > 107) {
    return FailAt(address.Text(), Code::kInvalid, "the path of a Unix socket may hold 107 bytes, this has {}",
                  address.socket.size());
  }
  ErrorCode error;
  const Unix::endpoint endpoint(address.socket);
  struct stat found {};
  if (::stat(address.socket.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) return FailAt(address.Text(), Code::kConflict, "a file that is no socket is here");
    Accepted<Unix> probe(executor);
    probe.connect(endpoint, error);
    if (!error) return FailAt(address.Text(), Code::kConflict, "another process listens on this socket");
    ::unlink(address.socket.c_str());
    error = {};
  }
  Acceptor<Unix> acceptor(executor);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.bind(endpoint, error);
  // Only the owner may talk to us here.
  if (!error) ::chmod(address.socket.c_str(), 0600);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return BindError(error, address);
  out.emplace(std::move(acceptor));
  return {};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Listen(asio::any_io_executor executor, const Address& address, Handler handler,
                                               ServerOptions options) {
  PLUMB_TRY(IoExecutor io, ToIoExecutor(executor));
  auto state = std::make_shared<State>(io);
  state->address = address;
  state->handler = std::move(handler);
  state->options = std::move(options);
  if (address.unix_socket()) {
    PLUMB_CHECK(BindUnix(io, address, state->unix_acceptor));
    asio::co_spawn(io, Accept(state, *state->unix_acceptor), asio::detached);
  } else {
    if (state->options.tls) {
      PLUMB_TRY(state->tls, TlsReloader::Open(*state->options.tls));
    }
    PLUMB_CHECK(BindTcp(io, state->address, state->tcp_acceptor));
    asio::co_spawn(io, Accept(state, *state->tcp_acceptor), asio::detached);
  }
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  state_->StopAccepting();
  for (Connection& connection : state_->connections) connection.Close();
}

const Address& Server::address() const { return state_->address; }

std::string Server::url() const {
  return state_->address.unix_socket() ? state_->address.Text() : (state_->tls ? "https://" : "http://") + state_->address.Text();
}

size_t Server::connections() const { return state_->count; }

asio::awaitable<void> Server::Drain(std::chrono::milliseconds grace) {
  auto state = state_;
  state->StopAccepting();
  for (Connection& connection : state->connections) connection.Retire();
  const auto until = std::chrono::steady_clock::now() + grace;
  while (state->count > 0 && std::chrono::steady_clock::now() < until) {
    asio::steady_timer pause(state->executor, std::chrono::milliseconds(10));
    co_await pause.async_wait(asio::use_awaitable);
  }
  for (Connection& connection : state->connections) connection.Close();
}

}  // namespace plumb::net
