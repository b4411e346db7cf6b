#include "base/net/server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <set>

#include "base/net/connection.h"
#include "base/net/stream_impl.h"

namespace plumb::net {

using asio::ip::tcp;
using Unix = asio::local::stream_protocol;

struct Server::State : std::enable_shared_from_this<Server::State> {
  asio::any_io_executor executor;
  Address address;
  Handler handler;
  ServerOptions options;
  std::optional<tcp::acceptor> tcp_acceptor;
  std::optional<Unix::acceptor> unix_acceptor;
  std::set<Connection*> connections;
  bool closing = false;

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

std::string PeerName(const tcp::socket& socket, bool& loopback) {
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

std::string PeerName(const Unix::socket&, bool& loopback) {
  loopback = true;
  return "unix";
}

void SetNoDelay(tcp::socket& socket) {
  ErrorCode ignored;
  socket.set_option(tcp::no_delay(true), ignored);
}
void SetNoDelay(Unix::socket&) {}

template <class State, class Socket>
asio::awaitable<void> ServeOne(std::shared_ptr<State> state, Socket socket) {
  using Protocol = typename Socket::protocol_type;
  SetNoDelay(socket);
  bool loopback = false;
  std::string peer = PeerName(socket, loopback);
  std::unique_ptr<Stream> stream =
      std::make_unique<SocketStream<Protocol>>(boost::beast::basic_stream<Protocol>(std::move(socket)));
  Connection connection(std::move(stream), std::move(peer), loopback, state->options);
  struct Listed {
    State& state;
    Connection* connection;
    Listed(State& s, Connection* c) : state(s), connection(c) { state.connections.insert(c); }
    ~Listed() { state.connections.erase(connection); }
  } listed(*state, &connection);
  try {
    co_await connection.Serve(state->handler);
  } catch (const std::exception&) {
    // Only memory or the event loop itself can fail here; this connection ends, the others go on.
  }
}

template <class State, class Acceptor>
asio::awaitable<void> Accept(std::shared_ptr<State> state, Acceptor& acceptor) {
  while (!state->closing) {
    ErrorCode error;
    auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (state->closing || error == asio::error::operation_aborted) break;
    if (error) {
      // Out of file descriptors, mostly: others must close before we can go on.
      asio::steady_timer pause(state->executor, std::chrono::milliseconds(50));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    if (state->connections.size() >= state->options.max_connections) continue;
    asio::co_spawn(state->executor, ServeOne(state, std::move(socket)), asio::detached);
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

Status BindTcp(const asio::any_io_executor& executor, Address& address, std::optional<tcp::acceptor>& out) {
  ErrorCode error;
  asio::ip::address ip = asio::ip::make_address(address.host == "localhost" ? "127.0.0.1" : address.host, error);
  if (error) {
    return FailAt(address.Text(), Code::kInvalid, "'{}' is not an address of this machine; use 127.0.0.1, or 0.0.0.0 "
                  "for all", address.host);
  }
  const tcp::endpoint endpoint(ip, address.port);
  tcp::acceptor acceptor(executor);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && ip.is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return BindError(error, address);
  address.port = acceptor.local_endpoint(error).port();
  out.emplace(std::move(acceptor));
  return {};
}

Status BindUnix(const asio::any_io_executor& executor, const Address& address, std::optional<Unix::acceptor>& out) {
  if (address.socket.size() > 107) {
    return FailAt(address.Text(), Code::kInvalid, "the path of a Unix socket may hold 107 bytes, this has {}",
                  address.socket.size());
  }
  ErrorCode error;
  const Unix::endpoint endpoint(address.socket);
  struct stat found {};
  if (::stat(address.socket.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) return FailAt(address.Text(), Code::kConflict, "a file that is no socket is here");
    Unix::socket probe(executor);
    probe.connect(endpoint, error);
    if (!error) return FailAt(address.Text(), Code::kConflict, "another process listens on this socket");
    ::unlink(address.socket.c_str());
    error = {};
  }
  Unix::acceptor acceptor(executor);
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
  auto state = std::make_shared<State>();
  state->executor = executor;
  state->address = address;
  state->handler = std::move(handler);
  state->options = options;
  if (address.unix_socket()) {
    PLUMB_CHECK(BindUnix(executor, address, state->unix_acceptor));
    asio::co_spawn(executor, Accept(state, *state->unix_acceptor), asio::detached);
  } else {
    PLUMB_CHECK(BindTcp(executor, state->address, state->tcp_acceptor));
    asio::co_spawn(executor, Accept(state, *state->tcp_acceptor), asio::detached);
  }
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  state_->StopAccepting();
  for (Connection* connection : state_->connections) connection->Close();
}

const Address& Server::address() const { return state_->address; }

std::string Server::url() const {
  return state_->address.unix_socket() ? state_->address.Text() : "http://" + state_->address.Text();
}

size_t Server::connections() const { return state_->connections.size(); }

asio::awaitable<void> Server::Drain(std::chrono::milliseconds grace) {
  auto state = state_;
  state->StopAccepting();
  for (Connection* connection : state->connections) connection->Retire();
  const auto until = std::chrono::steady_clock::now() + grace;
  while (!state->connections.empty() && std::chrono::steady_clock::now() < until) {
    asio::steady_timer pause(state->executor, std::chrono::milliseconds(10));
    co_await pause.async_wait(asio::use_awaitable);
  }
  for (Connection* connection : state->connections) connection->Close();
}

}  // namespace plumb::net
