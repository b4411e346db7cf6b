// What a vendor can do wrong, on real sockets: every one ends in an answer or a clear error, soon, and the next request
// is served.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/provider/raw_vendor_test.h"
#include "runtime/provider/target.h"

namespace plumb::provider {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class VendorFaultTest : public testing::Test {
 protected:
  VendorFaultTest() : vendor_([](RawTalk& talk) -> net::asio::awaitable<void> { co_await AnswerProperly(talk, "m", 3); }) {
    ProviderConfig config;
    config.name = "vendor";
    config.url = vendor_.url();
    config.retry.max_attempts = 1;
    config.timeouts.first_byte = 300ms;
    config.timeouts.idle = 300ms;
    config.after_end = 200ms;
    provider_ = *OpenProvider(config, {.executor = io_.executor()});
  }
  // The fault once; afterwards the vendor is well.
  void Once(RawVendor::Script fault) {
    const size_t now = vendor_.count();
    vendor_.SetScript([fault, now](RawTalk& talk) -> net::asio::awaitable<void> {
      if (talk.number == now) {
        co_await fault(talk);
      } else {
        co_await AnswerProperly(talk, "m", 3);
      }
    });
  }
  Result<ChatResponse> Chat() {
    ChatRequest request;
    request.model = "m";
    request.messages = {{{"role", "user"}, {"content", "Hello"}}};
    return net::Wait(io_.executor(), provider_->Chat(request));
  }
  Result<ChatResponse> Stream() {
    got_.clear();
    ChatRequest request;
    request.model = "m";
    request.messages = {{{"role", "user"}, {"content", "Hello"}}};
    OnDelta take = [this](const ChatDelta& delta) -> net::asio::awaitable<Status> {
      got_ += delta.text;
      co_return Status();
    };
    return net::Wait(io_.executor(), provider_->ChatStream(request, take));
  }
  void ExpectWellAfterwards() {
    auto answer = Stream();
    ASSERT_TRUE(answer) << answer.error().Text();
    EXPECT_EQ(got_, "t0 t1 t2 ");
  }

  RawVendor vendor_;
  net::IoThread io_;
  std::shared_ptr<Provider> provider_;
  std::string got_;
};

TEST_F(VendorFaultTest, Dies) {
  Once([](RawTalk& talk) -> net::asio::awaitable<void> {
    talk.Reset();
    co_return;
  });
  auto answer = Chat();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  ExpectWellAfterwards();
}

TEST_F(VendorFaultTest, HangsBeforeAndWithinItsAnswer) {
  Once([](RawTalk& talk) -> net::asio::awaitable<void> { co_await talk.Hang(); });
  auto before = Chat();
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().code, Code::kDeadline);
  Once([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    co_await talk.Piece(WirePiece("t0 "));
    co_await talk.Hang();
  });
  auto within = Stream();
  ASSERT_FALSE(within);
  EXPECT_EQ(within.error().code, Code::kDeadline);
  EXPECT_EQ(got_, "t0 ");
  ExpectWellAfterwards();
}

TEST_F(VendorFaultTest, PingsAreNoAnswer) {
  Once([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    for (int i = 0; i < 40; ++i) {
      co_await talk.Piece(": ping\n\n");
      co_await talk.Wait(50ms);
    }
  });
  const auto start = std::chrono::steady_clock::now();
  auto answer = Stream();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kDeadline);
  EXPECT_THAT(answer.error().message, HasSubstr("no piece of an answer came within 300 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
}

TEST_F(VendorFaultTest, LiesAboutContentLength) {
  const std::string answer = WireAnswer("Hello");
  Once([answer](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.Say(fmt::format("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}", answer.size() + 50, answer));
  });
  auto longer = Chat();
  ASSERT_FALSE(longer) << "more was promised than came";
  EXPECT_EQ(longer.error().code, Code::kCorrupt);
  Once([answer](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.Say(fmt::format("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}", answer.size() - 50, answer));
    co_await talk.Wait(50ms);
  });
  auto shorter = Chat();
  ASSERT_FALSE(shorter) << "the promised part is no JSON";
  EXPECT_EQ(shorter.error().code, Code::kCorrupt);
  ExpectWellAfterwards();
}

TEST_F(VendorFaultTest, ALineOf100Megabytes) {
  for (bool stream : {true, false}) {
    Once([](RawTalk& talk) -> net::asio::awaitable<void> {
      co_await talk.Say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: ");
      const std::string block(1 << 20, 'x');
      for (int i = 0; i < 100; ++i) co_await talk.Say(block);
    });
    auto answer = stream ? Stream() : Chat();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kCorrupt) << answer.error().Text();
    EXPECT_EQ(got_, "");
    ExpectWellAfterwards();
    got_.clear();
  }
}

TEST_F(VendorFaultTest, HalfACharacterAtTheEndOfAChunk) {
  // Cut at every byte: the parts of "é" and "😀" may come any time apart.
  const std::string stream = WirePiece("é😀") + WireFinish() + WireUsage() + WireDone();
  for (size_t cut = stream.find("\xC3\xA9"); cut < stream.find("\xC3\xA9") + 7; ++cut) {
    Once([stream, cut](RawTalk& talk) -> net::asio::awaitable<void> {
      co_await talk.BeginStream();
      co_await talk.Piece(stream.substr(0, cut));
      co_await talk.Wait(5ms);
      co_await talk.Piece(stream.substr(cut));
      co_await talk.EndStream();
    });
    auto answer = Stream();
    ASSERT_TRUE(answer) << answer.error().Text();
    EXPECT_EQ(got_, "é😀");
  }
  // Half a character that an event itself ends with is no text.
  Once([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    co_await talk.Piece("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xC3\"}}]}\n\n");
    co_await talk.EndStream();
  });
  auto answer = Stream();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kCorrupt);
  ExpectWellAfterwards();
}

TEST_F(VendorFaultTest, WrongJson) {
  for (const char* body : {"{\"choices\":[", "[]", "null", "{}", "{\"choices\":[{}]}", "{\"choices\":\"none\"}", ""}) {
    Once([body](RawTalk& talk) -> net::asio::awaitable<void> { co_await talk.Json(200, body); });
    auto answer = Chat();
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, Code::kCorrupt) << body;
  }
  ExpectWellAfterwards();
}

TEST_F(VendorFaultTest, AnErrorPageInHtml) {
  const std::string page = "<html><body><h1>502 Bad Gateway</h1></body></html>";
  const auto serve = [page](int status) {
    return [page, status](RawTalk& talk) -> net::asio::awaitable<void> {
      co_await talk.Say(fmt::format("HTTP/1.1 {} X\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{}", status, page.size(), page));
    };
  };
  Once(serve(502));
  auto bad = Chat();
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Code::kUnavailable);
  EXPECT_THAT(bad.error().message, HasSubstr("502 Bad Gateway"));
  for (bool stream : {false, true}) {
    Once(serve(200));
    auto well = stream ? Stream() : Chat();
    ASSERT_FALSE(well);
    EXPECT_EQ(well.error().code, Code::kCorrupt);
    EXPECT_THAT(well.error().message, HasSubstr("status 200, text/html"));
  }
  ExpectWellAfterwards();
}

TEST_F(VendorFaultTest, WrongContentType) {
  // JSON under another name is still an answer; so is the whole where a stream was asked for.
  Once([](RawTalk& talk) -> net::asio::awaitable<void> {
    const std::string answer = WireAnswer("Hello");
    co_await talk.Say(fmt::format("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{}", answer.size(), answer));
  });
  auto plain = Chat();
  ASSERT_TRUE(plain) << plain.error().Text();
  EXPECT_EQ(plain->text, "Hello");
  Once([](RawTalk& talk) -> net::asio::awaitable<void> { co_await talk.Json(200, WireAnswer("Hello")); });
  auto whole = Stream();
  ASSERT_TRUE(whole) << whole.error().Text();
  EXPECT_EQ(got_, "Hello");
  EXPECT_EQ(whole->usage.output_tokens, 5);
  // An error under status 200 is an error.
  Once([](RawTalk& talk) -> net::asio::awaitable<void> { co_await talk.Json(200, WireError("Busy", "rate_limit_exceeded")); });
  auto busy = Stream();
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, Code::kExhausted);
}

TEST_F(VendorFaultTest, AStreamWithoutAFinishIsCutOff) {
  Once([](RawTalk& talk) -> net::asio::awaitable<void> {
    co_await talk.BeginStream();
    co_await talk.Piece(WirePiece("t0 ") + WireDone());
    co_await talk.EndStream();
  });
  auto answer = Stream();
  ASSERT_FALSE(answer) << "[DONE] alone does not make it whole";
  EXPECT_EQ(answer.error().code, Code::kCorrupt);
}

TEST_F(VendorFaultTest, TheCallersLeavingCancelsTheVendor) {
  for (bool stream : {false, true}) {
    Once([](RawTalk& talk) -> net::asio::awaitable<void> {
      co_await talk.BeginStream();
      co_await talk.Piece(WirePiece("t0 "));
      co_await talk.Hang();
    });
    ChatRequest request;
    request.messages = {{{"role", "user"}, {"content", "Hello"}}};
    request.model = "m";
    int looks = 0;
    request.gone = [&looks] { return ++looks == 1; };
    OnDelta ignore = [](const ChatDelta&) -> net::asio::awaitable<Status> { co_return Status(); };
    auto answer = net::Wait(io_.executor(), stream ? provider_->ChatStream(request, ignore) : provider_->Chat(request));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kCancelled);
    for (int i = 0; i < 100 && vendor_.open() > 0; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(vendor_.open(), 0u);
  }
}

}  // namespace
}  // namespace plumb::provider
