// Requests that two readers could take for different ones: each is refused and its connection closed, so that nothing
// behind it is ever taken for a request of its own. Raw bytes over real sockets; the same cases cut at every byte.
#include <gmock/gmock.h>

#include "base/net/message.h"
#include "base/net/net_fixture_test.h"

namespace plumb::net {
namespace {

using testing::HasSubstr;

constexpr char kHidden[] = "GET /hidden HTTP/1.1\r\nhost: h\r\n\r\n";

struct Attempt {
  const char* what;
  std::string bytes;
  int status = 400;
};

// A POST with these fields and this body, and a hidden request behind it.
std::string Post(std::string_view fields, std::string_view body) {
  return fmt::format("POST /echo HTTP/1.1\r\nhost: h\r\n{}\r\n{}{}", fields, body, kHidden);
}

std::vector<Attempt> Attempts() {
  const std::string chunked = "transfer-encoding: chunked\r\n";
  const std::string nul(1, '\0');
  return {
      {"CL.TE", Post("content-length: 4\r\n" + chunked, "0\r\n\r\n")},
      {"TE.CL", Post(chunked + "content-length: 4\r\n", "0\r\n\r\n")},
      {"two lengths that differ", Post("content-length: 3\r\ncontent-length: 4\r\n", "abc")},
      {"two lengths that agree", Post("content-length: 3\r\ncontent-length: 3\r\n", "abc")},
      {"a list of lengths", Post("content-length: 3, 3\r\n", "abc")},
      {"a signed length", Post("content-length: +3\r\n", "abc")},
      {"a negative length", Post("content-length: -3\r\n", "abc")},
      {"a hexadecimal length", Post("content-length: 0x3\r\n", "abc")},
      {"an empty length", Post("content-length:\r\n", "abc")},
      {"a length that overflows", Post("content-length: 18446744073709551619\r\n", "abc")},
      {"TE: xchunked", Post("transfer-encoding: xchunked\r\n", "0\r\n\r\n")},
      {"TE: chunked, identity", Post("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n")},
      {"TE: gzip, chunked", Post("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n")},
      {"TE: quoted", Post("transfer-encoding: \"chunked\"\r\n", "0\r\n\r\n")},
      {"TE with a vertical tab", Post("transfer-encoding:\x0b" "chunked\r\n", "0\r\n\r\n")},
      {"two codings", Post(chunked + chunked, "0\r\n\r\n")},
      {"a coding in HTTP/1.0", "POST /echo HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n" + kHidden},
      {"white space before a colon", Post("content-length : 3\r\n", "abc")},
      {"a tab before a colon", Post("transfer-encoding\t: chunked\r\n", "0\r\n\r\n")},
      {"a folded line", Post("x: 1\r\n content-length: 3\r\n", "")},
      {"a folded coding", Post("transfer-encoding:\r\n chunked\r\n", "0\r\n\r\n")},
      {"a field without colon", Post("content-length\r\n", "")},
      {"an empty name", Post(": 3\r\n", "")},
      {"NUL in a value", Post("x: a" + nul + "b\r\n", "")},
      {"NUL in a name", Post("x" + nul + ": a\r\n", "")},
      {"bare CR in a value", Post("x: a\rcontent-length: 3\r\n", "")},
      {"bare LF between fields", Post("x: a\ncontent-length: 3\r\n", "abc")},
      {"bare LF throughout", "POST /echo HTTP/1.1\nhost: h\ncontent-length: 3\n\nabc"},
      {"two hosts", Post("host: other\r\n", "")},
      {"no host", "GET / HTTP/1.1\r\n\r\n"},
      {"a host with a path", "GET / HTTP/1.1\r\nhost: h/x\r\n\r\n"},
      {"a host with a user", "GET / HTTP/1.1\r\nhost: u@h\r\n\r\n"},
      {"absolute form", "GET http://other/ HTTP/1.1\r\nhost: h\r\n\r\n"},
      {"authority form", "CONNECT other:443 HTTP/1.1\r\nhost: h\r\n\r\n"},
      {"a relative target", "GET x HTTP/1.1\r\nhost: h\r\n\r\n"},
      {"a fragment", "GET /#x HTTP/1.1\r\nhost: h\r\n\r\n"},
      {"NUL in the target", "GET /" + nul + " HTTP/1.1\r\nhost: h\r\n\r\n"},
      {"a space in the target", "GET /a b HTTP/1.1\r\nhost: h\r\n\r\n"},
      {"a tab in the request line", "GET\t/ HTTP/1.1\r\nhost: h\r\n\r\n"},
      {"no version", "GET /\r\nhost: h\r\n\r\n"},
      {"a lower-case version", "GET / http/1.1\r\nhost: h\r\n\r\n"},
      {"HTTP/1.11", "GET / HTTP/1.11\r\nhost: h\r\n\r\n"},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nhost: h\r\n\r\n", 505},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"a name that is no token", "G(T / HTTP/1.1\r\nhost: h\r\n\r\n"},
      {"a beginning with a space", " GET / HTTP/1.1\r\nhost: h\r\n\r\n"},
      {"chunk size with 0x", Post(chunked, "0x3\r\nabc\r\n0\r\n\r\n")},
      {"chunk size with a sign", Post(chunked, "+3\r\nabc\r\n0\r\n\r\n")},
      {"chunk size with a space", Post(chunked, "3 \r\nabc\r\n0\r\n\r\n")},
      {"chunk size missing", Post(chunked, "\r\nabc\r\n0\r\n\r\n")},
      {"chunk size that overflows", Post(chunked, "10000000000000003\r\nabc\r\n0\r\n\r\n")},
      {"chunk size with leading zeros", Post(chunked, "0000000000000003\r\nabc\r\n0\r\n\r\n")},
      {"chunk longer than it says", Post(chunked, "3\r\nabcd\r\n0\r\n\r\n")},
      {"chunk ended by bare LF", Post(chunked, "3\nabc\n0\n\n")},
      {"chunk data ended by bare LF", Post(chunked, "3\r\nabc\n0\r\n\r\n")},
      {"an extension with bare LF", Post(chunked, "3;a\nb\r\nabc\r\n0\r\n\r\n")},
      {"an extension without end", Post(chunked, "3;" + std::string(20'000, 'x') + "\r\nabc\r\n0\r\n\r\n")},
      {"many extensions", Post(chunked, [] {
         std::string body;
         for (int i = 0; i < 200; ++i) body += "1;" + std::string(100, 'x') + "\r\na\r\n";
         return body + "0\r\n\r\n";
       }())},
      {"a trailer folded", Post(chunked, "0\r\nx: 1\r\n y: 2\r\n\r\n")},
      {"a trailer with bare LF", Post(chunked, "0\r\nx: 1\ny: 2\r\n\r\n")},
      {"trailers without end", Post(chunked, "0\r\nx: " + std::string(20'000, 'x')), 431},
      {"a chunk above the body limit", Post(chunked, "fffffffff\r\nabc"), 413},
      {"a length above the body limit", Post("content-length: 99999999999\r\n", "abc"), 413},
      {"too many fields", Post([] {
         std::string fields;
         for (int i = 0; i < 300; ++i) fields += "x: 1\r\n";
         return fields;
       }(), ""), 431},
  };
}

int Count(std::string_view text, std::string_view what) {
  int count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST_F(NetTest, SmugglingAttemptsAreRefusedAndClosed) {
  Serve();
  for (const Attempt& attempt : Attempts()) {
    const std::string answer = Raw(attempt.bytes);
    EXPECT_THAT(answer, HasSubstr(fmt::format("HTTP/1.1 {} ", attempt.status))) << attempt.what;
    EXPECT_THAT(answer, HasSubstr("connection: close")) << attempt.what;
    EXPECT_EQ(Count(answer, "content-length: "), 1) << attempt.what << ": one answer, the refusal\n" << answer;
    EXPECT_THAT(answer, testing::Not(HasSubstr("hidden"))) << attempt.what;
  }
  EXPECT_EQ(Fetch(To("/ok"))->status, 200);
}

// What the reader makes of bytes that come `step` at a time: the status of the refusal, or 200.
int Read(std::string_view bytes, size_t step) {
  std::string pending, body;
  size_t seen = 0, at = 0;
  Request request;
  std::optional<Framing> framing;
  ChunkedBody chunks;
  while (true) {
    if (!framing) {
      auto head = pending.empty() ? std::expected<size_t, HttpFault>(0) : FindHead(pending, seen);
      if (!head) return head.error().status;
      seen = pending.size();
      if (*head > 0) {
        auto parsed = ParseRequestHead(std::string_view(pending).substr(0, *head), request);
        if (!parsed) return parsed.error().status;
        framing = *parsed;
        pending.erase(0, *head);
      }
    }
    if (framing) {
      if (!framing->chunked) return framing->content_length.value_or(0) > (32 << 20) ? 413 : 200;
      auto used = chunks.Feed(pending, body, 32 << 20);
      if (!used) return used.error().status;
      pending.erase(0, *used);
      if (chunks.done()) return 200;
    }
    if (at >= bytes.size()) return 0;
    pending += bytes.substr(at, step);
    at += step;
  }
}

TEST(Message, TheSameVerdictWhereverTheBytesAreCut) {
  for (const Attempt& attempt : Attempts()) {
    for (size_t step : {1, 2, 3, 7, 1000, 100'000}) {
      EXPECT_EQ(Read(attempt.bytes, step), attempt.status) << attempt.what << " in steps of " << step;
    }
  }
}

TEST(Message, ReadsWhatIsRight) {
  const std::string_view bytes =
      "POST /a%20b?x=1 HTTP/1.1\r\nHost: h:80\r\nX-Empty:\r\nX-Text: \t caf\xC3\xA9 \r\nTransfer-Encoding: Chunked\r\n"
      "Connection: keep-alive, Close\r\n\r\n5;name=\"v\"\r\nhello\r\n00A\r\n, is it me?\r\n0\r\nx-trailer: 1\r\n\r\nNEXT";
  for (size_t step = 1; step <= bytes.size(); ++step) {
    EXPECT_EQ(Read(bytes, step), 400) << "the second chunk holds eleven bytes, not ten";
  }
  Request request;
  auto head = FindHead(bytes, 0);
  ASSERT_TRUE(head);
  auto framing = ParseRequestHead(bytes.substr(0, *head), request);
  ASSERT_TRUE(framing) << framing.error().message;
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/a b");
  EXPECT_EQ(request.query, "x=1");
  EXPECT_EQ(request.headers.Get("x-empty"), "");
  EXPECT_TRUE(request.headers.Has("x-empty"));
  EXPECT_EQ(request.headers.Get("x-text"), "caf\xC3\xA9");
  EXPECT_TRUE(framing->chunked);
  EXPECT_FALSE(framing->keep_alive);
  ChunkedBody chunks;
  std::string body;
  const std::string_view good = "5;name=\"v\"\r\nhello\r\n00B\r\n, is it me?\r\n0\r\nx-trailer: 1\r\n\r\nNEXT";
  auto used = chunks.Feed(good, body, 100);
  ASSERT_TRUE(used) << used.error().message;
  EXPECT_EQ(body, "hello, is it me?");
  EXPECT_TRUE(chunks.done());
  EXPECT_EQ(good.substr(*used), "NEXT");
}

TEST(Message, AnswersAreReadByTheSameRules) {
  for (std::string_view wrong : {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/3.0 200 OK\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\nx: 1\r\n y\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n"}) {
    Headers headers;
    EXPECT_FALSE(ParseResponseHead(wrong, headers)) << wrong;
  }
  Headers headers;
  auto head = ParseResponseHead("HTTP/1.1 404\r\ncontent-length: 7\r\n\r\n", headers);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->status, 404);
  EXPECT_EQ(head->framing.content_length, 7u);
}

}  // namespace
}  // namespace plumb::net
