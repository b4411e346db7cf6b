#include "base/net/client.h"

#include <gmock/gmock.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <atomic>
#include <cstdlib>

#include "base/net/net_fixture_test.h"

namespace plumb::net {
namespace {

using testing::HasSubstr;

TEST_F(NetTest, ClosedPooledConnectionIsReplacedUnseen) {
  Serve();
  ASSERT_TRUE(Fetch(To("/1")));
  const Address address = server_->address();
  Wait(io_.executor(), [](NetTest* test) -> asio::awaitable<void> {
    test->server_.reset();
    co_return;
  }(this));
  std::this_thread::sleep_for(50ms);
  Serve(address.Text());
  auto again = Fetch(To("/2"));
  ASSERT_TRUE(again) << again.error().Text();
  EXPECT_EQ(again->body, "hello /2 nobody");
}

// A server that writes fixed bytes and closes: what a broken vendor sends.
class RawServer {
 public:
  explicit RawServer(std::string bytes, bool reset = false, std::chrono::milliseconds hold = 0ms)
      : acceptor_(io_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)) {
    thread_ = std::thread([this, bytes, reset, hold] {
      tcp::socket socket(io_);
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      if (error) return;
      char some[4096];
      socket.read_some(asio::buffer(some), error);
      asio::write(socket, asio::buffer(bytes), error);
      std::this_thread::sleep_for(hold);
      if (reset) socket.set_option(asio::socket_base::linger(true, 0), error);
      socket.close(error);
    });
  }
  ~RawServer() { thread_.join(); }
  ClientRequest Request() {
    ClientRequest request;
    request.url.address = {"127.0.0.1", acceptor_.local_endpoint().port(), ""};
    request.url.target = "/";
    return request;
  }

 private:
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

TEST_F(NetTest, TruncatedBodiesAreErrors) {
  for (std::string_view bytes : {"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
                                 "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    RawServer server{std::string(bytes)};
    auto answer = Fetch(server.Request());
    ASSERT_FALSE(answer) << bytes;
    EXPECT_EQ(answer.error().code, Code::kCorrupt);
    EXPECT_THAT(answer.error().message, HasSubstr("cut off"));
  }
}

TEST_F(NetTest, BodyWithoutLengthEndsWithItsConnection) {
  RawServer server("HTTP/1.1 200 OK\r\n\r\nall of it");
  auto answer = Fetch(server.Request());
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->body, "all of it");
}

TEST_F(NetTest, InterimAnswersAreSkipped) {
  RawServer server("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  auto answer = Fetch(server.Request());
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "ok");
}

TEST_F(NetTest, GarbageAndResetsAreErrors) {
  {
    RawServer server("SSH-2.0-OpenSSH\r\n");
    EXPECT_EQ(Fetch(server.Request()).error().code, Code::kCorrupt);
  }
  {
    RawServer server("", true);
    EXPECT_EQ(Fetch(server.Request()).error().code, Code::kUnavailable);
  }
}

TEST_F(NetTest, SilenceIsADeadline) {
  RawServer server("", false, 400ms);
  auto request = server.Request();
  request.timeouts.first_byte = 100ms;
  auto answer = Fetch(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kDeadline);
  EXPECT_THAT(answer.error().message, HasSubstr("waiting for an answer took too long"));
}

TEST_F(NetTest, SilenceInsideABodyIsADeadline) {
  RawServer server("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", false, 400ms);
  auto request = server.Request();
  request.timeouts.idle = 100ms;
  EXPECT_EQ(Fetch(request).error().code, Code::kDeadline);
}

// A TLS server with a certificate of its own making for "localhost", written to `folder`/cert.pem.
class TlsServer {
 public:
  explicit TlsServer(const fs::path& folder) : acceptor_(io_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)) {
    const std::string make = fmt::format(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
        "-keyout {0}/key.pem -out {0}/cert.pem >/dev/null 2>&1", folder.string());
    EXPECT_EQ(std::system(make.c_str()), 0);
    context_.use_certificate_chain_file((folder / "cert.pem").string());
    context_.use_private_key_file((folder / "key.pem").string(), asio::ssl::context::pem);
    thread_ = std::thread([this] {
      boost::system::error_code error;
      while (true) {
        tcp::socket socket(io_);
        acceptor_.accept(socket, error);
        if (error || stop_) return;
        asio::ssl::stream<tcp::socket> stream(std::move(socket), context_);
        stream.handshake(asio::ssl::stream_base::server, error);
        if (error) continue;
        char some[4096];
        stream.read_some(asio::buffer(some), error);
        asio::write(stream, asio::buffer(std::string_view("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret")), error);
      }
    });
  }
  ~TlsServer() {
    stop_ = true;
    asio::io_context io;
    tcp::socket wake(io);
    wake.connect(acceptor_.local_endpoint());
    thread_.join();
  }
  ClientRequest Request(std::string host) {
    ClientRequest request;
    request.url.tls = true;
    request.url.address = {host, acceptor_.local_endpoint().port(), ""};
    request.url.target = "/";
    return request;
  }

 private:
  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_server};
  tcp::acceptor acceptor_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST_F(NetTest, TlsIsVerifiedAgainstTrustAndName) {
  TempFolder folder;
  TlsServer server(folder.path());
  auto stranger = Fetch(server.Request("localhost"));
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, Code::kPermission) << stranger.error().Text();
  EXPECT_THAT(stranger.error().message, HasSubstr("self-signed"));

  Client trusting({.ca_file = (folder.path() / "cert.pem").string()});
  auto good = Wait(io_.executor(), trusting.Fetch(server.Request("localhost")));
  ASSERT_TRUE(good) << good.error().Text();
  EXPECT_EQ(good->body, "secret");
  auto wrong_name = Wait(io_.executor(), trusting.Fetch(server.Request("127.0.0.1")));
  ASSERT_FALSE(wrong_name);
  EXPECT_EQ(wrong_name.error().code, Code::kPermission);
  Wait(io_.executor(), [](Client* client) -> asio::awaitable<void> {
    client->CloseIdle();
    co_return;
  }(&trusting));
}

TEST_F(NetTest, NobodyListening) {
  ClientRequest request;
  request.url = *ParseUrl("http://127.0.0.1:1/");
  auto answer = Fetch(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  EXPECT_EQ(answer.error().where, "127.0.0.1:1");
}

TEST_F(NetTest, StopsWaitingWhenNobodyWantsTheAnswer) {
  Handler never = [](Request&, ResponseWriter& out) -> asio::awaitable<void> {
    asio::steady_timer timer(co_await asio::this_coro::executor, 100ms);
    while (!out.PeerGone()) {
      timer.expires_after(50ms);
      co_await timer.async_wait(asio::use_awaitable);
    }
  };
  Serve("127.0.0.1:0", {}, never);
  std::atomic<int> looks = 0;
  ClientRequest request = To("/");
  request.gone = [&looks] { return ++looks == 3; };
  const auto start = std::chrono::steady_clock::now();
  auto answer = Fetch(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_TRUE(NoConnectionsSoon()) << "the server sees it";
}

}  // namespace
}  // namespace plumb::net
