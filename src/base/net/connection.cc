#include "base/net/connection.h"

namespace plumb::net {

bool Connection::ReadNow(ErrorCode& error) {
  const size_t got = stream_->ReadNow(asio::buffer(shared_.scratch.data(), shared_.scratch.size()), error);
  pending_.append(shared_.scratch.data(), got);
  return got > 0;
}

asio::awaitable<bool> Connection::ReadMore() {
  ErrorCode error;
  while (!ReadNow(error)) {
    if (error == asio::error::would_block) co_await stream_->WaitReadable(error);
    if (error) co_return false;  // a deadline has closed the connection already
  }
  co_return true;
}

std::expected<bool, HttpFault> Connection::TakeHead(HeadSearch& search, Request& request, Framing& framing) {
  const size_t limit = shared_.options.max_header_bytes;
  if (!search.blank_line_skipped && pending_.starts_with("\r\n")) {
    // Some clients end a body with a line break that belongs to nothing (RFC 9112 §2.2).
    pending_.erase(0, 2);
    search.blank_line_skipped = true;
  }
  const bool begun = !pending_.empty() && (search.blank_line_skipped || pending_ != "\r");
  std::expected<size_t, HttpFault> length = 0;
  if (begun) length = FindHead(pending_, search.seen);
  if (!length) return std::unexpected(std::move(length).error());
  if (*length > limit || (*length == 0 && pending_.size() > limit))
    return std::unexpected(HttpFault{431, fmt::format("the head of a request may hold {} bytes", limit)});
  search.seen = begun ? pending_.size() : 0;
  if (*length == 0) return false;
  auto parsed = ParseRequestHead(std::string_view(pending_).substr(0, *length), request);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  framing = *parsed;
  pending_.erase(0, *length);
  return true;
}

std::expected<bool, HttpFault> Connection::TakeBody(ChunkedBody& chunks, Request& request, const Framing& framing) {
  const size_t limit = shared_.options.max_body_bytes;
  if (framing.chunked) {
    auto used = chunks.Feed(pending_, request.body, limit);
    if (!used && used.error().status == 413) used.error().message = fmt::format("a request may hold {} bytes", limit);
    if (!used) return std::unexpected(std::move(used).error());
    pending_.erase(0, *used);
    return chunks.done();
  }
  const auto length = static_cast<size_t>(framing.content_length.value_or(0));
  if (length > limit) return std::unexpected(HttpFault{413, fmt::format("a request may hold {} bytes", limit)});
  // What is announced is believed up to a point.
  if (request.body.empty()) request.body.reserve(std::min<size_t>(length, 1 << 20));
  const size_t take = std::min(length - request.body.size(), pending_.size());
  request.body.append(pending_, 0, take);
  pending_.erase(0, take);
  return request.body.size() == length;
}

asio::awaitable<bool> Connection::ReadRequest(Request& request, Framing& framing) {
  stream_->ExpireAfter(shared_.options.header_limit);
  HeadSearch search;
  ChunkedBody chunks;
  bool in_body = false;
  while (true) {
    auto whole = in_body ? TakeBody(chunks, request, framing) : TakeHead(search, request, framing);
    if (!whole) {
      co_await Refuse(std::move(whole).error());
      co_return false;
    }
    if (*whole && in_body) break;
    if (*whole) {
      in_body = true;
      SetBusy();
      if (!framing.chunked && framing.content_length.value_or(0) == 0) break;
      if (framing.content_length.value_or(0) > shared_.options.max_body_bytes) continue;  // refused before it is sent
      stream_->ExpireAfter(shared_.options.body_limit);
      if (framing.expect_continue && pending_.empty()) {
        ErrorCode ignored;
        co_await stream_->Write("HTTP/1.1 100 Continue\r\n\r\n", std::string_view(), ignored);
      }
      continue;
    }
    const bool more = co_await ReadMore();
    if (!more) co_return false;
  }
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
  } else if (!out.finished_) {
    co_await out.Finish();
  }
}

asio::awaitable<bool> Connection::ServeNext(const Handler& handler) {
  Request request;
  Framing framing;
  const bool read = co_await ReadRequest(request, framing);
  if (!read) co_return false;
  const bool keep = framing.keep_alive && !retiring_;
  ResponseWriter out(*stream_, request.method == "HEAD", framing.http10, keep, shared_.options.write_limit);
  co_await Answer(handler, request, out);
  co_return !out.broken_ && out.keep_alive_;
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
  // Most connections wait here most of the time: what a request needs comes with its first bytes and goes with its answer.
  while (!retiring_ || !pending_.empty() || stream_->HasBytes()) {
    if (pending_.empty()) {
      std::string().swap(pending_);
      waiting_ = true;
      SetQuiet();
      stream_->ExpireAfter(shared_.options.idle_limit);
      ErrorCode error;
      while (!ReadNow(error) && error == asio::error::would_block) {
        co_await stream_->WaitReadable(error);
        if (error) break;
      }
      waiting_ = false;
      if (pending_.empty()) break;
    }
    const bool more = co_await ServeNext(handler);
    if (!more) break;
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
