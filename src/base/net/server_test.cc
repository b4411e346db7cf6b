#include "base/net/server.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <future>

#include "base/net/net_fixture_test.h"

namespace plumb::net {
namespace {

using testing::HasSubstr;

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
  EXPECT_EQ(Fetch(To("/ok"))->status, 200);
}

TEST_F(NetTest, LimitsHeadAndBody) {
  Serve("127.0.0.1:0", {.max_header_bytes = 1024, .max_body_bytes = 1000});
  EXPECT_THAT(Raw("GET / HTTP/1.1\r\nhost: h\r\nx: " + std::string(5000, 'y') + "\r\n\r\n"), HasSubstr(" 431 "));
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
  const std::string head = "POST /echo HTTP/1.1\r\nhost: h\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
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
  const std::string out = Raw("GET /1 HTTP/1.1\r\nhost: h\r\n\r\n\r\nGET /2 HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
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

}  // namespace
}  // namespace plumb::net
