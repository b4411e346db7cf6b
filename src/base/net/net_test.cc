#include "base/net/net.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <atomic>
#include <cstdlib>
#include <future>
#include <thread>

#include "base/core/core.h"

namespace plumb::net {
namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;
using testing::HasSubstr;

// What the header's example promises, and a few paths for the tests.
asio::awaitable<void> Hello(Request& request, ResponseWriter& out) {
  if (request.path == "/stream") {
    co_await out.Start(200, "text/plain");
    for (int i = 0; i < 3; ++i) {
      const std::string piece = fmt::format("piece {}\n", i);
      co_await out.Write(piece);
    }
    co_await out.Finish();
  } else if (request.path == "/slow") {
    asio::steady_timer timer(co_await asio::this_coro::executor, 300ms);
    co_await timer.async_wait(asio::use_awaitable);
    co_await out.Send(200, "text/plain", "slow");
  } else if (request.path == "/throw") {
    throw std::runtime_error("a secret detail");
  } else if (request.path == "/silent") {
  } else if (request.path == "/echo") {
    out.headers.Add("x-length", std::to_string(request.body.size()));
    co_await out.Send(200, "application/octet-stream", request.body);
  } else {
    const std::string text = "hello " + request.path + " " + request.Query("name").value_or("nobody");
    co_await out.Send(200, "text/plain", text);
  }
}

class NetTest : public testing::Test {
 public:
  void Serve(std::string address = "127.0.0.1:0", ServerOptions options = {}, Handler handler = Hello) {
    auto parsed = ParseAddress(address);
    ASSERT_TRUE(parsed);
    auto made = Wait(io_.executor(), [](IoThread* io, Address where, Handler handler, ServerOptions options)
                                         -> asio::awaitable<Result<std::unique_ptr<Server>>> {
      co_return Server::Listen(io->executor(), where, handler, options);
    }(&io_, *parsed, handler, options));
    ASSERT_TRUE(made) << made.error().Text();
    server_ = std::move(*made);
  }
  void TearDown() override {
    Wait(io_.executor(), [](NetTest* test) -> asio::awaitable<void> {
      test->server_.reset();
      test->client_.CloseIdle();
      co_return;
    }(this));
  }
  // The server belongs to its executor's thread: it is asked there.
  size_t Connections() {
    return Wait(io_.executor(), [](Server* server) -> asio::awaitable<size_t> { co_return server->connections(); }(server_.get()));
  }
  // A server counts a connection until its coroutine has ended, which may be a moment after the peer saw it close.
  bool NoConnectionsSoon() {
    for (int i = 0; i < 200 && Connections() != 0; ++i) std::this_thread::sleep_for(25ms);
    return Connections() == 0;
  }
  ClientRequest To(std::string target, std::string method = "GET", std::string body = "") {
    ClientRequest request;
    request.method = method;
    request.url.address = server_->address();
    request.url.target = target;
    request.body = body;
    return request;
  }
  Result<ClientResponse> Fetch(ClientRequest request) { return Wait(io_.executor(), client_.Fetch(request)); }
  // Raw bytes to the server and all that comes back until it closes.
  std::string Raw(std::string_view bytes) {
    asio::io_context io;
    tcp::socket socket(io);
    socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), server_->address().port));
    asio::write(socket, asio::buffer(bytes.data(), bytes.size()));
    std::string out;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(out), error);
    return out;
  }

  IoThread io_;
  Client client_;
  std::unique_ptr<Server> server_;
};

TEST_F(NetTest, AnswersAndKeepsTheConnection) {
  Serve();
  for (int i = 0; i < 3; ++i) {
    auto answer = Fetch(To("/a%20b?name=Ann+Lee"));
    ASSERT_TRUE(answer) << answer.error().Text();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "hello /a b Ann Lee");
    EXPECT_EQ(answer->headers.Get("Content-Type"), "text/plain");
  }
  EXPECT_EQ(Connections(), 1u);
}

TEST_F(NetTest, StreamsChunks) {
  Serve();
  auto answer = Fetch(To("/stream"));
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->headers.Get("transfer-encoding"), "chunked");
  EXPECT_EQ(answer->body, "piece 0\npiece 1\npiece 2\n");
}

TEST_F(NetTest, StreamsToHttp10UntilClose) {
  Serve();
  const std::string out = Raw("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_THAT(out, HasSubstr("connection: close\r\n\r\npiece 0\npiece 1\npiece 2\n"));
  EXPECT_THAT(out, testing::Not(HasSubstr("chunked")));
}

TEST_F(NetTest, CarriesLargeBodiesBothWays) {
  Serve();
  std::string body(5 << 20, 'x');
  body[1234567] = '\0';
  auto answer = Fetch(To("/echo", "POST", body));
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_TRUE(answer->body == body);
}

TEST_F(NetTest, HeadHasNoBody) {
  Serve();
  auto answer = Fetch(To("/x", "HEAD"));
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->headers.Get("content-length"), "15");
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(Fetch(To("/y"))->body, "hello /y nobody");
}

TEST_F(NetTest, UnixSocketIsPrivateAndReplacedWhenDead) {
  TempFolder folder;
  const std::string path = (folder.path() / "s.sock").string();
  {  // a socket whose process is gone
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(::bind(dead, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    ::close(dead);
  }
  Serve("unix:" + path);
  EXPECT_EQ(Fetch(To("/u"))->body, "hello /u nobody");
  EXPECT_EQ(fs::status(path).permissions() & fs::perms::all, fs::perms::owner_read | fs::perms::owner_write);
  auto second = Wait(io_.executor(), [](IoThread* io, Address where) -> asio::awaitable<Result<std::unique_ptr<Server>>> {
    co_return Server::Listen(io->executor(), where, Hello);
  }(&io_, server_->address()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
}

TEST_F(NetTest, BusyPortNamesThePortAndTheWayOut) {
  Serve();
  auto second = Wait(io_.executor(), [](IoThread* io, Address where) -> asio::awaitable<Result<std::unique_ptr<Server>>> {
    co_return Server::Listen(io->executor(), where, Hello);
  }(&io_, server_->address()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("port {} of 127.0.0.1 is already in use", server_->address().port)));
  EXPECT_THAT(second.error().message, HasSubstr("choose another port"));
}

TEST_F(NetTest, RefusesWhatIsNotHttp) {
  Serve();
  EXPECT_THAT(Raw("\x16\x03\x01 hello\r\n\r\n"), HasSubstr("HTTP/1.1 400 Bad Request"));
  EXPECT_THAT(Raw("GET / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc"), HasSubstr(" 400 "));
  EXPECT_THAT(Raw("POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc"), HasSubstr(" 400 "));
  EXPECT_EQ(Fetch(To("/ok"))->status, 200);
}

TEST_F(NetTest, LimitsHeadAndBody) {
  Serve("127.0.0.1:0", {.max_header_bytes = 1024, .max_body_bytes = 1000});
  EXPECT_THAT(Raw("GET / HTTP/1.1\r\nx: " + std::string(5000, 'y') + "\r\n\r\n"), HasSubstr(" 431 "));
  EXPECT_EQ(Fetch(To("/echo", "POST", std::string(1001, 'z')))->status, 413);
  EXPECT_EQ(Fetch(To("/echo", "POST", std::string(1000, 'z')))->status, 200);
}

TEST_F(NetTest, SlowHeadIsClosed) {
  Serve("127.0.0.1:0", {.header_limit = 100ms});
  EXPECT_EQ(Raw("GET / HTTP/1.1\r\nx: "), "");
  EXPECT_TRUE(NoConnectionsSoon());
}

TEST_F(NetTest, HandlerFaultsBecome500WithoutDetails) {
  Serve();
  auto thrown = Fetch(To("/throw"));
  EXPECT_EQ(thrown->status, 500);
  EXPECT_THAT(thrown->body, testing::Not(HasSubstr("secret")));
  EXPECT_EQ(Fetch(To("/silent"))->status, 500);
}

TEST_F(NetTest, AnswersExpectContinue) {
  Serve();
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), server_->address().port));
  const std::string head = "POST /echo HTTP/1.1\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
  asio::write(socket, asio::buffer(head));
  std::string out(25, ' ');
  asio::read(socket, asio::buffer(out));
  EXPECT_EQ(out, "HTTP/1.1 100 Continue\r\n\r\n");
  asio::write(socket, asio::buffer("ok", 2));
  boost::system::error_code error;
  asio::read(socket, asio::dynamic_buffer(out), error);
  EXPECT_THAT(out, HasSubstr("HTTP/1.1 200 OK"));
}

TEST_F(NetTest, PipelinedRequestsAreAnsweredInOrder) {
  Serve();
  const std::string out = Raw("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nconnection: close\r\n\r\n");
  EXPECT_LT(out.find("hello /1"), out.find("hello /2"));
}

TEST_F(NetTest, DrainLetsRequestsFinishAndTakesNoMore) {
  Serve();
  auto slow = std::async([&] {
    Client client;
    IoThread io;
    auto answer = Wait(io.executor(), client.Fetch(To("/slow")));
    client.CloseIdle();
    return answer;
  });
  std::this_thread::sleep_for(100ms);
  Wait(io_.executor(), server_->Drain(5s));
  auto answer = slow.get();
  ASSERT_TRUE(answer) << answer.error().Text();
  EXPECT_EQ(answer->body, "slow");
  auto refused = Fetch(To("/x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
}

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

TEST(Address, Forms) {
  EXPECT_EQ(ParseAddress("8080")->Text(), "127.0.0.1:8080");
  EXPECT_EQ(ParseAddress(":8080")->Text(), "127.0.0.1:8080");
  EXPECT_EQ(ParseAddress("0.0.0.0:1")->Text(), "0.0.0.0:1");
  EXPECT_EQ(ParseAddress("[::1]:80")->Text(), "[::1]:80");
  EXPECT_EQ(ParseAddress("unix:/a b")->Text(), "unix:/a b");
  EXPECT_TRUE(ParseAddress("127.0.0.9:1")->loopback());
  EXPECT_FALSE(ParseAddress("0.0.0.0:1")->loopback());
  for (const char* wrong : {"", "x", "1.2.3.4:", "::1:80", "a:99999", "unix:", "[::1]80"}) {
    EXPECT_FALSE(ParseAddress(wrong)) << wrong;
  }
}

TEST(Url, Forms) {
  EXPECT_EQ(ParseUrl("https://api.example.com")->Text(), "https://api.example.com/");
  EXPECT_EQ(ParseUrl("http://h:81/v1?x=1#f")->Text(), "http://h:81/v1?x=1");
  EXPECT_EQ(ParseUrl("http://h?x")->target, "/?x");
  EXPECT_EQ(ParseUrl("https://[::1]/v1")->address.port, 443);
  for (const char* wrong : {"", "ftp://x", "http://", "http://u:p@h/", "http://h:0/", "http://h/ x", "http://[::1/"}) {
    EXPECT_FALSE(ParseUrl(wrong)) << wrong;
  }
}

TEST(Headers, CompareWithoutCaseAndCannotBeSplit) {
  Headers headers = {{"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(headers.Get("x-A"), "1");
  headers.Set("x-A", "3\r\nevil: 1");
  EXPECT_EQ(headers.size(), 1u);
  EXPECT_EQ(headers.Get("X-a"), "3  evil: 1");
}

TEST(Sse, SurvivesBeingCutAnywhere) {
  const std::vector<SseEvent> events = {{"", "one", ""}, {"ping", "two\nlines", "7"}, {"", "", ""}};
  std::string text = "\xEF\xBB\xBF: a comment\r\n";
  for (const auto& event : events) text += WriteSse(event);
  for (size_t step = 1; step <= text.size(); ++step) {
    SseParser parser;
    std::vector<SseEvent> got;
    for (size_t at = 0; at < text.size(); at += step) {
      auto some = parser.Feed(std::string_view(text).substr(at, step));
      ASSERT_TRUE(some);
      got.insert(got.end(), some->begin(), some->end());
    }
    EXPECT_EQ(got, events) << step;
    EXPECT_FALSE(parser.mid_event());
    EXPECT_THAT(parser.comments(), testing::ElementsAre("a comment"));
  }
}

TEST(Sse, AllLineEndingsAndUnfinishedEvents) {
  SseParser parser;
  auto got = parser.Feed("data: a\r\rdata:b\r\n\r\ndata\n\ndata: cut");
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, (std::vector<SseEvent>{{"", "a", ""}, {"", "b", ""}, {"", "", ""}}));
  EXPECT_TRUE(parser.mid_event());
  SseParser small(16);
  EXPECT_EQ(small.Feed("data: " + std::string(20, 'x')).error().code, Code::kExhausted);
}

}  // namespace
}  // namespace plumb::net
