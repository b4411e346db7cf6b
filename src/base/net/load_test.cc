// Many clients, slow clients, clients at the moment of stopping.
#include <gmock/gmock.h>
#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <future>

#include "base/net/net_fixture_test.h"

namespace plumb::net {
namespace {

using testing::HasSubstr;

tcp::socket Dial(asio::io_context& io, uint16_t port) {
  tcp::socket socket(io);
  socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
  return socket;
}

// All that comes until the server closes.
std::string Drink(tcp::socket& socket) {
  std::string out;
  boost::system::error_code error;
  asio::read(socket, asio::dynamic_buffer(out), error);
  return out;
}

// Bytes of this process that the allocator has handed out.
size_t Allocated() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

TEST_F(NetTest, AnIdleConnectionCostsFewBytes) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const size_t count = std::min<size_t>(10'000, (limit.rlim_cur - 100) / 2);
  Serve();
  asio::io_context io;
  std::vector<tcp::socket> sockets;
  sockets.reserve(count);
  for (size_t i = 0; i < count; ++i) sockets.push_back(Dial(io, server_->address().port));
  const size_t with_sockets = Allocated();  // what the sockets of this side cost is in both figures
  // Each has been used once: what a request needed is given back.
  const std::string request = "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 8000\r\n\r\n" + std::string(8000, 'x');
  std::string answer;
  for (tcp::socket& socket : sockets) {
    asio::write(socket, asio::buffer(request));
    answer.resize(8000);
    asio::read(socket, asio::buffer(answer));
  }
  while (Connections() != count) std::this_thread::sleep_for(5ms);
  std::this_thread::sleep_for(100ms);
  const size_t each_more = Allocated() > with_sockets ? (Allocated() - with_sockets) / count : 0;
  EXPECT_LT(each_more, 512u) << "a request leaves nothing behind";
  const size_t all = Allocated();
  sockets.clear();
  ASSERT_TRUE(NoConnectionsSoon());
  const size_t each = (all - Allocated()) / count;
  std::printf("%zu idle connections, %zu bytes each (both ends)\n", count, each);
  EXPECT_LT(each, 4096u);
}

TEST_F(NetTest, SlowLorisIsShedAndOthersAreServed) {
  Serve("127.0.0.1:0", {.header_limit = 300ms});
  asio::io_context io;
  std::vector<tcp::socket> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(Dial(io, server_->address().port));
    asio::write(slow.back(), asio::buffer(std::string_view("GET / HTTP/1.1\r\nhost: h\r\n")));
  }
  // Each keeps sending a little: what counts is the whole head.
  const auto start = std::chrono::steady_clock::now();
  while (Connections() > 0 && std::chrono::steady_clock::now() - start < 5s) {
    EXPECT_EQ(Fetch(To("/ok"))->status, 200);
    Wait(io_.executor(), [](Client* client) -> asio::awaitable<void> {
      client->CloseIdle();
      co_return;
    }(&client_));
    for (tcp::socket& socket : slow) {
      boost::system::error_code ignored;
      socket.write_some(asio::buffer("x: 1\r\n", 6), ignored);
    }
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
}

TEST_F(NetTest, SlowBodiesAreShed) {
  Serve("127.0.0.1:0", {.body_limit = 200ms});
  EXPECT_EQ(Raw("POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nabc"), "");
  EXPECT_EQ(Raw("POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"), "");
  EXPECT_TRUE(NoConnectionsSoon());
}

TEST_F(NetTest, ReadersThatDoNotReadAreShed) {
  Handler endless = [](Request&, ResponseWriter& out) -> asio::awaitable<void> {
    co_await out.Start(200, "text/plain");
    const std::string piece(1 << 20, 'x');
    for (bool open = true; open;) {
      auto written = co_await out.Write(piece);
      open = written.has_value();
    }
  };
  Serve("127.0.0.1:0", {.write_limit = 200ms}, endless);
  asio::io_context io;
  tcp::socket socket = Dial(io, server_->address().port);
  asio::write(socket, asio::buffer(std::string_view("GET / HTTP/1.1\r\nhost: h\r\n\r\n")));
  char first;
  asio::read(socket, asio::buffer(&first, 1));
  EXPECT_TRUE(NoConnectionsSoon());
}

TEST_F(NetTest, IdleConnectionsMakeRoomForNewOnes) {
  Serve("127.0.0.1:0", {.max_connections = 4});
  asio::io_context io;
  std::vector<tcp::socket> idle;
  for (int i = 0; i < 4; ++i) idle.push_back(Dial(io, server_->address().port));
  while (Connections() != 4) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(Fetch(To("/ok"))->status, 200);
  EXPECT_EQ(Drink(idle[0]), "") << "the one that had been quiet longest";
  EXPECT_LE(Connections(), 4u);
}

TEST_F(NetTest, ARefusalReachesAClientThatIsStillSending) {
  Serve("127.0.0.1:0", {.max_body_bytes = 1000});
  const std::string request = "POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 3000000\r\n\r\n" + std::string(3'000'000, 'x');
  EXPECT_THAT(Raw(request), HasSubstr("HTTP/1.1 413 "));
}

// A hundred streams when the signal comes: all end whole; a request already sent is answered; nobody new gets in.
TEST_F(NetTest, DrainCutsNoStream) {
  Handler paced = [](Request& request, ResponseWriter& out) -> asio::awaitable<void> {
    co_await out.Start(200, "text/event-stream");
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i < 20; ++i) {
      timer.expires_after(25ms);
      co_await timer.async_wait(asio::use_awaitable);
      const std::string event = fmt::format("data: {} {}\n\n", request.path, i);
      co_await out.Write(event);
    }
    co_await out.Write("data: [DONE]\n\n");
  };
  Serve("127.0.0.1:0", {}, paced);
  const uint16_t port = server_->address().port;
  asio::io_context io;
  std::vector<tcp::socket> streams;
  for (int i = 0; i < 100; ++i) {
    streams.push_back(Dial(io, port));
    asio::write(streams.back(), asio::buffer(fmt::format("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", i)));
  }
  tcp::socket idle = Dial(io, port);
  while (Connections() != 101) std::this_thread::sleep_for(5ms);
  std::this_thread::sleep_for(100ms);
  auto drained = std::async([&] { Wait(io_.executor(), server_->Drain(10s)); });
  std::this_thread::sleep_for(50ms);
  boost::system::error_code refused;
  tcp::socket late(io);
  late.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), port), refused);
  EXPECT_EQ(refused, asio::error::connection_refused);
  EXPECT_EQ(Drink(idle), "");
  for (int i = 0; i < 100; ++i) {
    const std::string answer = Drink(streams[static_cast<size_t>(i)]);
    EXPECT_THAT(answer, testing::EndsWith("data: [DONE]\n\n\r\n0\r\n\r\n")) << i;
    EXPECT_THAT(answer, HasSubstr(fmt::format("data: /{} 19\n\n", i)));
  }
  drained.get();
  EXPECT_EQ(Connections(), 0u);
}

}  // namespace
}  // namespace plumb::net
