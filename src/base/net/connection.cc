#include "base/net/connection.h"

namespace plumb::net {

asio::awaitable<bool> Connection::ReadMore() {
  while (true) {
    ErrorCode error;
    const size_t got = stream_->ReadNow(asio::buffer(shared_.scratch.data(), shared_.scratch.size()), error);
    if (got > 0) {
      pending_.append(shared_.scratch.data(), got);
      co_return true;
    }
    if (error != asio::error::would_block) co_return false;
    co_await stream_->WaitReadable(error);
    if (error) co_return false;
  }
}

asio::awaitable<bool> Connection::ReadHead(Request& request, Framing& framing) {
  const size_t limit = shared_.options.max_header_bytes;
  size_t seen = 0;
  bool blank_line_skipped = false;
  while (true) {
    if (!blank_line_skipped && pending_.starts_with("\r\n")) {
      // Some clients end a body with a line break that belongs to nothing (RFC 9112 §2.2).
      pending_.erase(0, 2);
      blank_line_skipped = true;
    }
    const bool begun = !pending_.empty() && (blank_line_skipped || pending_ != "\r");
    std::expected<size_t, HttpFault> length = 0;
    if (begun) length = FindHead(pending_, seen);
    if (!length) {
      co_await Refuse(std::move(length).error());
      co_return false;
    }
    if (*length > limit || (*length == 0 && pending_.size() > limit)) {
      HttpFault fault = {431, fmt::format("the head of a request may hold {} bytes", limit)};
      co_await Refuse(std::move(fault));
      co_return false;
    }
    if (*length > 0) {
      auto parsed = ParseRequestHead(std::string_view(pending_).substr(0, *length), request);
      if (!parsed) {
        co_await Refuse(std::move(parsed).error());
        co_return false;
      }
      framing = *parsed;
      pending_.erase(0, *length);
      co_return true;
    }
    seen = begun ? pending_.size() : 0;
    const bool more = co_await ReadMore();
    if (!more) co_return false;  // a deadline has closed the connection already
  }
}

asio::awaitable<bool> Connection::ReadBody(Request& request, const Framing& framing) {
  if (!framing.chunked && framing.content_length.value_or(0) == 0) co_return true;
  const size_t limit = shared_.options.max_body_bytes;
  const uint64_t length = framing.content_length.value_or(0);
  if (length > limit) {
    HttpFault fault = {413, fmt::format("a request may hold {} bytes", limit)};
    co_await Refuse(std::move(fault));
    co_return false;
  }
  stream_->ExpireAfter(shared_.options.body_limit);
  if (framing.expect_continue && pending_.empty()) {
    ErrorCode ignored;
    co_await stream_->Write("HTTP/1.1 100 Continue\r\n\r\n", std::string_view(), ignored);
  }
  ChunkedBody chunks;
  // What is announced is believed up to a point.
  request.body.reserve(static_cast<size_t>(std::min<uint64_t>(length, 1 << 20)));
  while (true) {
    if (framing.chunked) {
      auto used = chunks.Feed(pending_, request.body, limit);
      if (!used) {
        HttpFault fault = std::move(used).error();
        if (fault.status == 413) fault.message = fmt::format("a request may hold {} bytes", limit);
        co_await Refuse(std::move(fault));
        co_return false;
      }
      pending_.erase(0, *used);
      if (chunks.done()) co_return true;
    } else {
      const size_t take = std::min(static_cast<size_t>(length) - request.body.size(), pending_.size());
      request.body.append(pending_, 0, take);
      pending_.erase(0, take);
      if (request.body.size() == length) co_return true;
    }
    const bool more = co_await ReadMore();
    if (!more) co_return false;
  }
}

asio::awaitable<bool> Connection::ReadRequest(Request& request, Framing& framing) {
  if (pending_.empty()) {
    std::string().swap(pending_);
    waiting_ = true;
    SetQuiet();
    stream_->ExpireAfter(shared_.options.idle_limit);
    const bool begun = co_await ReadMore();
    waiting_ = false;
    if (!begun) co_return false;
  }
  stream_->ExpireAfter(shared_.options.header_limit);
  const bool head = co_await ReadHead(request, framing);
  if (!head) co_return false;
  SetBusy();
  const bool body = co_await ReadBody(request, framing);
  if (!body) co_return false;
  request.peer = peer_;
  request.loopback = loopback_;
  co_return true;
}

asio::awaitable<void> Connection::Refuse(HttpFault fault) {
  refused_ = true;
  ResponseWriter out(*stream_, false, false, false, shared_.options.write_limit);
  const json::value body = {{"error", {{"code", "invalid"}, {"message", fault.message}, {"type", "invalid_request_error"}}}};
  co_await out.SendJson(fault.status, body);
}

asio::awaitable<void> Connection::Linger() {
  constexpr size_t kMost = 64 << 20;
  stream_->ExpireAfter(Millis(1000));
  for (size_t dropped = 0; dropped < kMost;) {
    ErrorCode error;
    const size_t got = stream_->ReadNow(asio::buffer(shared_.scratch.data(), shared_.scratch.size()), error);
    dropped += got;
    if (error == asio::error::would_block) co_await stream_->WaitReadable(error);
    if (error) co_return;
  }
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

asio::awaitable<void> Connection::Serve(const Handler& handler, std::shared_ptr<TlsContext> tls) {
  if (tls) {
    SetQuiet();
    stream_->ExpireAfter(shared_.options.header_limit);
    ErrorCode error;
    co_await stream_->ShakeHands(std::move(tls), "", error);
    if (error) {
      stream_->Close();
      co_return;
    }
  }
  while (!retiring_ || !pending_.empty() || stream_->HasBytes()) {
    Request request;
    Framing framing;
    const bool read = co_await ReadRequest(request, framing);
    if (!read) break;
    const bool keep = framing.keep_alive && !retiring_;
    ResponseWriter out(*stream_, request.method == "HEAD", framing.http10, keep, shared_.options.write_limit);
    co_await Answer(handler, request, out);
    if (out.broken_ || !out.keep_alive_) break;
  }
  SetBusy();
  stream_->ShutdownWrite();
  if (refused_) co_await Linger();
  stream_->Close();
}

void Connection::SetQuiet() {
  if (!QuietHook::is_linked()) shared_.quiet.push_back(*this);
}

void Connection::SetBusy() {
  if (QuietHook::is_linked()) QuietHook::unlink();
}

void Connection::Retire() {
  retiring_ = true;
  if (waiting_ && !stream_->HasBytes()) stream_->Close();
}

void Connection::Close() {
  retiring_ = true;
  stream_->Close();
}

}  // namespace plumb::net
