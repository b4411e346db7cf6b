#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <optional>

#include "base/net/server.h"
#include "base/net/stream.h"

namespace plumb::net {
namespace {

constexpr std::string_view kChunkEnd = "\r\n", kBodyEnd = "0\r\n\r\n", kChunkAndBodyEnd = "\r\n0\r\n\r\n";

}  // namespace

void ResponseWriter::MakeHead(int status, std::string_view content_type, std::optional<size_t> length) {
  std::string& head = bytes_;
  head.reserve(headers.wire().size() + 192);
  if (status == 200) {
    head = "HTTP/1.1 200 OK\r\n";
  } else {
    fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", status, ReasonPhrase(status));
  }
  if (!content_type.empty()) head.append("content-type: ").append(content_type).append("\r\n");
  head.append(headers.wire());
  if (length && status != 204 && status != 304) {
    head.append("content-length: ").append(fmt::format_int(*length).c_str()).append("\r\n");
  } else if (!length && !http10_) {
    head += "transfer-encoding: chunked\r\n";
  } else if (!length) {
    keep_alive_ = false;
  }
  head += keep_alive_ ? (http10_ ? "connection: keep-alive\r\n\r\n" : "\r\n") : "connection: close\r\n\r\n";
}

asio::awaitable<Status> ResponseWriter::Put(std::string_view first, std::string_view second) {
  if (broken_) co_return Fail(Code::kUnavailable, "the client has left");
  ErrorCode error;
  stream_.ExpireAfter(write_limit_);
  if (!stream_.WriteAtOnce(first, second, error)) co_await stream_.Write(first, second, error);
  if (error) {
    broken_ = true;
    co_return std::unexpected(StreamError(error, "writing the answer", ""));
  }
  co_return Status();
}

asio::awaitable<Status> ResponseWriter::BegunTwice() { co_return Fail(Code::kInternal, "an answer was begun twice"); }

asio::awaitable<Status> ResponseWriter::Send(int status, std::string_view content_type, std::string_view body) {
  if (started_) return BegunTwice();
  started_ = finished_ = true;
  status_ = status;
  MakeHead(status, content_type, body.size());
  return Put(bytes_, head_ ? std::string_view() : body);
}

asio::awaitable<Status> ResponseWriter::SendJson(int status, const json::value& body) {
  if (started_) return BegunTwice();
  json_ = ToJson(body);
  return Send(status, "application/json", json_);
}

asio::awaitable<Status> ResponseWriter::PutChunk(std::string_view piece, bool last) {
  std::string_view end = last && !http10_ ? kBodyEnd : std::string_view();
  if (!http10_ && !piece.empty()) {
    char size[16];
    const char* stop = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
    bytes_.append(size, static_cast<size_t>(stop - size)).append("\r\n");
    if (end.empty()) end = kChunkEnd;
    else end = kChunkAndBodyEnd;
  }
  // A small piece travels with its frame; a large one is not copied.
  if (piece.size() < 4096) {
    bytes_.append(piece).append(end);
    piece = end = {};
  }
  Status done = co_await Put(bytes_, piece);
  if (done && !end.empty()) done = co_await Put(end, {});
  bytes_.clear();
  co_return done;
}

asio::awaitable<Status> ResponseWriter::Start(int status, std::string_view content_type, std::string_view first) {
  if (started_) return BegunTwice();
  started_ = true;
  status_ = status;
  MakeHead(status, content_type, std::nullopt);
  return PutChunk(head_ ? std::string_view() : first, false);
}

asio::awaitable<Status> ResponseWriter::Write(std::string_view piece) {
  if (piece.empty() || head_ || finished_) co_return Status();  // an empty chunk would end the body
  Status done = co_await PutChunk(piece, false);
  co_return done;
}

asio::awaitable<Status> ResponseWriter::Finish(std::string_view last) {
  if (finished_) co_return Status();
  finished_ = true;
  if (head_ || (http10_ && last.empty())) co_return Status();
  Status done = co_await PutChunk(last, true);
  co_return done;
}

void ResponseWriter::Abort() {
  started_ = finished_ = broken_ = true;
  stream_.Close();
}

bool ResponseWriter::PeerGone() { return broken_ || stream_.PeerGone(); }

}  // namespace plumb::net
