#include "base/net/connection.h"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

namespace plumb::net {

namespace http = boost::beast::http;

struct Connection::Parsed {
  Request request;
  bool http10 = false;
  bool keep_alive = false;
};

namespace {

int StatusOf(const ErrorCode& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::bad_version) return 505;
  return 400;
}

Request ToRequest(http::request<http::string_body>&& message) {
  Request request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  SplitTarget(request);
  for (const auto& field : message) {
    request.headers.Add(std::string(field.name_string()), std::string(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

}  // namespace

asio::awaitable<bool> Connection::ReadMore(ErrorCode& error) {
  const size_t had = pending_.size();
  pending_.resize(had + 16384);
  const asio::mutable_buffer into(pending_.data() + had, 16384);
  const size_t got = co_await stream_->Read(into, error);
  pending_.resize(had + (error ? 0 : got));
  co_return !error;
}

asio::awaitable<bool> Connection::ReadRequest(Parsed& parsed) {
  ErrorCode error;
  if (pending_.empty()) {
    stream_->ExpireAfter(options_.idle_limit);
    const bool more = co_await ReadMore(error);
    if (!more) co_return false;
  }
  busy_ = true;
  http::request_parser<http::string_body> parser;
  parser.eager(true);
  parser.header_limit(static_cast<uint32_t>(options_.max_header_bytes));
  parser.body_limit(options_.max_body_bytes);
  stream_->ExpireAfter(options_.header_limit);
  bool head_seen = false;
  while (true) {
    const size_t used = parser.put(asio::const_buffer(pending_.data(), pending_.size()), error);
    pending_.erase(0, used);
    if (error && error != http::error::need_more) {
      const int status = StatusOf(error);
      std::string message = "this is not an HTTP/1.1 request: " + error.message();
      if (status == 413) message = fmt::format("a request may hold {} bytes", options_.max_body_bytes);
      co_await Refuse(status, message);
      co_return false;
    }
    if (parser.is_done()) break;
    if (parser.is_header_done() && !head_seen) {
      head_seen = true;
      stream_->ExpireAfter(options_.body_limit);
      if (parser.get()[http::field::expect].starts_with("100-")) {
        co_await stream_->Write("HTTP/1.1 100 Continue\r\n\r\n", error);
      }
    }
    if (!head_seen && pending_.size() > options_.max_header_bytes) {
      const std::string message = fmt::format("the head of a request may hold {} bytes", options_.max_header_bytes);
      co_await Refuse(431, message);
      co_return false;
    }
    error = {};
    const bool more = co_await ReadMore(error);
    if (!more) co_return false;  // a deadline has closed the connection already
  }
  parsed.keep_alive = parser.keep_alive();
  auto message = parser.release();
  parsed.http10 = message.version() < 11;
  parsed.request = ToRequest(std::move(message));
  parsed.request.peer = peer_;
  parsed.request.loopback = loopback_;
  co_return true;
}

asio::awaitable<void> Connection::Refuse(int status, std::string_view message) {
  ResponseWriter out(*stream_, false, false, false, options_.write_limit);
  const json::value body = {{"error", {{"code", "invalid"}, {"message", message}, {"type", "invalid_request_error"}}}};
  co_await out.SendJson(status, body);
  stream_->ShutdownWrite();
}

asio::awaitable<void> Connection::Answer(const Handler& handler, Request& request, ResponseWriter& out) {
  std::string thrown;
  try {
    co_await handler(request, out);
  } catch (const std::exception& exception) {
    thrown = exception.what();
  }
  if (!out.started()) {
    // What went wrong inside is ours to know, not the caller's.
    const json::value body = {{"error",
                               {{"code", "internal"},
                                {"message", thrown.empty() ? "the handler gave no answer" : "an internal error"},
                                {"type", "server_error"}}}};
    co_await out.SendJson(500, body);
  } else if (!thrown.empty()) {
    out.Abort();
  } else {
    co_await out.Finish();
  }
}

asio::awaitable<void> Connection::Serve(const Handler& handler) {
  while (!retiring_) {
    busy_ = false;
    Parsed parsed;
    const bool read = co_await ReadRequest(parsed);
    if (!read) break;
    const bool keep = parsed.keep_alive && !retiring_;
    ResponseWriter out(*stream_, parsed.request.method == "HEAD", parsed.http10, keep, options_.write_limit);
    co_await Answer(handler, parsed.request, out);
    if (out.broken_ || !out.keep_alive_) break;
  }
  busy_ = false;
  stream_->ShutdownWrite();
  stream_->Close();
}

void Connection::Retire() {
  retiring_ = true;
  if (!busy_) stream_->Close();
}

void Connection::Close() {
  retiring_ = true;
  stream_->Close();
}

}  // namespace plumb::net
