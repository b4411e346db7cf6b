#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "base/net/server.h"
#include "base/net/stream.h"

namespace plumb::net {

std::string ResponseWriter::Head(int status, std::string_view content_type, std::optional<size_t> length) {
  std::string head;
  head.reserve(512);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", status, ReasonPhrase(status));
  if (!content_type.empty()) fmt::format_to(std::back_inserter(head), "content-type: {}\r\n", content_type);
  for (const auto& [name, value] : headers) fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  if (length && status != 204 && status != 304) {
    fmt::format_to(std::back_inserter(head), "content-length: {}\r\n", *length);
  } else if (!length && !http10_) {
    head += "transfer-encoding: chunked\r\n";
  } else if (!length) {
    keep_alive_ = false;
  }
  head += keep_alive_ ? (http10_ ? "connection: keep-alive\r\n\r\n" : "\r\n") : "connection: close\r\n\r\n";
  return head;
}

asio::awaitable<Status> ResponseWriter::Put(std::string_view bytes) {
  if (broken_) co_return Fail(Code::kUnavailable, "the client has left");
  ErrorCode error;
  stream_.ExpireAfter(write_limit_);
  co_await stream_.Write(bytes, error);
  if (error) {
    broken_ = true;
    co_return std::unexpected(StreamError(error, "writing the answer", ""));
  }
  co_return Status();
}

asio::awaitable<Status> ResponseWriter::Send(int status, std::string_view content_type, std::string_view body) {
  if (started_) co_return Fail(Code::kInternal, "an answer was begun twice");
  started_ = finished_ = true;
  status_ = status;
  std::string bytes = Head(status, content_type, body.size());
  if (!head_) bytes += body;
  auto done = co_await Put(bytes);
  co_return done;
}

asio::awaitable<Status> ResponseWriter::SendJson(int status, const json::value& body) {
  const std::string text = ToJson(body);
  auto done = co_await Send(status, "application/json", text);
  co_return done;
}

asio::awaitable<Status> ResponseWriter::Start(int status, std::string_view content_type) {
  if (started_) co_return Fail(Code::kInternal, "an answer was begun twice");
  started_ = true;
  status_ = status;
  const std::string bytes = Head(status, content_type, std::nullopt);
  auto done = co_await Put(bytes);
  co_return done;
}

asio::awaitable<Status> ResponseWriter::Write(std::string_view piece) {
  if (piece.empty() || head_ || finished_) co_return Status();  // an empty chunk would end the body
  std::string bytes;
  if (http10_) {
    bytes = piece;
  } else {
    bytes.reserve(piece.size() + 16);
    fmt::format_to(std::back_inserter(bytes), "{:x}\r\n", piece.size());
    bytes.append(piece).append("\r\n");
  }
  auto done = co_await Put(bytes);
  co_return done;
}

asio::awaitable<Status> ResponseWriter::Finish() {
  if (finished_) co_return Status();
  finished_ = true;
  if (http10_ || head_) co_return Status();
  auto done = co_await Put("0\r\n\r\n");
  co_return done;
}

void ResponseWriter::Abort() {
  started_ = finished_ = broken_ = true;
  stream_.Close();
}

bool ResponseWriter::PeerGone() { return broken_ || stream_.PeerGone(); }

}  // namespace plumb::net
