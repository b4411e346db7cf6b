// MOCK, for tests only: a vendor on a raw socket, so that it can do what no proper server does. A script answers each
// request; what it writes goes out as it is.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "base/net/net.h"

namespace plumb::provider {

using boost::asio::ip::tcp;

// One connection; a script talks through it.
class RawTalk {
 public:
  RawTalk(tcp::socket& socket, json::object body, size_t number) : body(std::move(body)), number(number), socket_(socket) {}

  net::asio::awaitable<void> Say(std::string bytes) {
    boost::system::error_code error;
    co_await net::asio::async_write(socket_, net::asio::buffer(bytes), net::asio::redirect_error(net::asio::use_awaitable, error));
  }
  net::asio::awaitable<void> Wait(std::chrono::milliseconds time) {
    net::asio::steady_timer timer(socket_.get_executor(), time);
    co_await timer.async_wait(net::asio::use_awaitable);
  }
  // Until the other side closes.
  net::asio::awaitable<void> Hang() {
    char byte;
    boost::system::error_code error;
    co_await socket_.async_read_some(net::asio::buffer(&byte, 1), net::asio::redirect_error(net::asio::use_awaitable, error));
  }
  // A TCP reset in place of an orderly end.
  void Reset() {
    boost::system::error_code ignored;
    socket_.set_option(net::asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }
  net::asio::awaitable<void> Json(int status, std::string text, std::string headers = "") {
    std::string head = fmt::format("HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}connection: close\r\n\r\n",
                                   status, text.size(), headers);
    co_await Say(head + text);
  }
  net::asio::awaitable<void> BeginStream() {
    co_await Say("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
  }
  net::asio::awaitable<void> Piece(std::string bytes) {
    std::string chunk = fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
    co_await Say(std::move(chunk));
  }
  net::asio::awaitable<void> EndStream() { co_await Say("0\r\n\r\n"); }

  json::object body;  // of the request
  size_t number;      // of requests before this one

 private:
  tcp::socket& socket_;
};

class RawVendor {
 public:
  using Script = std::function<net::asio::awaitable<void>(RawTalk& talk)>;
  struct Seen {
    std::string head;  // lower case
    json::object body;
    std::chrono::steady_clock::time_point at;
  };

  explicit RawVendor(Script script) : script_(std::move(script)) {
    net::Wait(io_.executor(), Listen(this));
    net::asio::co_spawn(io_.executor(), Accept(this), [](std::exception_ptr) {});
  }
  ~RawVendor() {
    net::Wait(io_.executor(), [](RawVendor* self) -> net::asio::awaitable<void> {
      self->acceptor_.reset();
      for (tcp::socket* socket : self->open_) {
        boost::system::error_code ignored;
        socket->close(ignored);
      }
      co_return;
    }(this));
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}/v1", port_); }
  std::vector<Seen> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  size_t count() { return seen().size(); }
  size_t open() {
    return net::Wait(io_.executor(), [](RawVendor* self) -> net::asio::awaitable<size_t> { co_return self->open_.size(); }(this));
  }
  void SetScript(Script script) {
    std::lock_guard lock(mutex_);
    script_ = std::move(script);
  }

 private:
  static net::asio::awaitable<void> Listen(RawVendor* self) {
    self->acceptor_ = std::make_unique<tcp::acceptor>(self->io_.executor(), tcp::endpoint(net::asio::ip::make_address("127.0.0.1"), 0));
    self->port_ = self->acceptor_->local_endpoint().port();
    co_return;
  }
  static net::asio::awaitable<void> Accept(RawVendor* self) {
    while (self->acceptor_) {
      boost::system::error_code error;
      tcp::socket socket = co_await self->acceptor_->async_accept(net::asio::redirect_error(net::asio::use_awaitable, error));
      if (error) co_return;
      net::asio::co_spawn(self->io_.executor(), Serve(self, std::move(socket)), [](std::exception_ptr) {});
    }
  }
  static net::asio::awaitable<void> Serve(RawVendor* self, tcp::socket socket) {
    self->open_.insert(&socket);
    std::string text;
    boost::system::error_code error;
    const size_t head = co_await net::asio::async_read_until(socket, net::asio::dynamic_buffer(text), "\r\n\r\n",
                                                             net::asio::redirect_error(net::asio::use_awaitable, error));
    if (!error) {
      const std::string fields = Lower(text.substr(0, head));
      const size_t at = fields.find("content-length: ");
      const size_t length = at == std::string::npos ? 0 : std::strtoul(fields.c_str() + at + 16, nullptr, 10);
      if (text.size() < head + length) {
        co_await net::asio::async_read(socket, net::asio::dynamic_buffer(text),
                                       net::asio::transfer_exactly(head + length - text.size()),
                                       net::asio::redirect_error(net::asio::use_awaitable, error));
      }
      auto parsed = ParseJson(text.substr(head));
      json::object body = parsed && parsed->is_object() ? parsed->as_object() : json::object();
      Script script;
      size_t number = 0;
      {
        std::lock_guard lock(self->mutex_);
        number = self->seen_.size();
        self->seen_.push_back({fields, body, std::chrono::steady_clock::now()});
        script = self->script_;
      }
      RawTalk talk(socket, std::move(body), number);
      co_await script(talk);
    }
    self->open_.erase(&socket);
    // Everything written arrives before the end does.
    socket.shutdown(tcp::socket::shutdown_send, error);
  }

  Script script_;
  std::mutex mutex_;
  std::vector<Seen> seen_;
  std::set<tcp::socket*> open_;
  uint16_t port_ = 0;
  net::IoThread io_;
  std::unique_ptr<tcp::acceptor> acceptor_;
};

// What OpenAI's protocol looks like on the wire.
inline std::string WireAnswer(std::string_view text, std::string_view model = "model-a", int input = 7, int output = 5) {
  const json::value answer = {{"id", "chatcmpl-1"}, {"object", "chat.completion"}, {"created", 1}, {"model", model},
                              {"choices", json::array{json::object{{"index", 0}, {"finish_reason", "stop"},
                                                                   {"message", {{"role", "assistant"}, {"content", text}}}}}},
                              {"usage", {{"prompt_tokens", input}, {"completion_tokens", output}, {"total_tokens", input + output}}}};
  return ToJson(answer);
}
inline std::string WirePiece(std::string_view text, std::string_view model = "model-a") {
  const json::value chunk = {{"id", "chatcmpl-1"}, {"object", "chat.completion.chunk"}, {"created", 1}, {"model", model},
                             {"choices", json::array{json::object{{"index", 0}, {"delta", {{"content", text}}}, {"finish_reason", nullptr}}}}};
  return net::WriteSseData(ToJson(chunk));
}
inline std::string WireFinish(std::string_view reason = "stop", std::string_view model = "model-a") {
  const json::value chunk = {{"object", "chat.completion.chunk"}, {"model", model},
                             {"choices", json::array{json::object{{"index", 0}, {"delta", json::object()}, {"finish_reason", reason}}}}};
  return net::WriteSseData(ToJson(chunk));
}
inline std::string WireUsage(int input = 7, int output = 5, std::string_view model = "model-a") {
  const json::value chunk = {{"object", "chat.completion.chunk"}, {"model", model}, {"choices", json::array()},
                             {"usage", {{"prompt_tokens", input}, {"completion_tokens", output}, {"total_tokens", input + output}}}};
  return net::WriteSseData(ToJson(chunk));
}
inline std::string WireDone() { return net::WriteSseData("[DONE]"); }
inline std::string WireError(std::string_view message, std::string_view code, std::string_view type = "invalid_request_error") {
  return ToJson(json::value{{"error", {{"message", message}, {"type", type}, {"param", nullptr}, {"code", code}}}});
}

// A proper answer, streamed or not as asked for: "t0 t1 … " of `tokens` pieces.
inline net::asio::awaitable<void> AnswerProperly(RawTalk& talk, std::string model, int tokens = 60) {
  std::string whole;
  for (int i = 0; i < tokens; ++i) whole += fmt::format("t{} ", i);
  if (!GetBoolOr(talk.body, "stream", false).value_or(false)) {
    std::string answer = WireAnswer(whole, model, 7, tokens);
    co_await talk.Json(200, std::move(answer));
    co_return;
  }
  co_await talk.BeginStream();
  for (int i = 0; i < tokens; ++i) {
    std::string piece = WirePiece(fmt::format("t{} ", i), model);
    co_await talk.Piece(std::move(piece));
  }
  std::string end = WireFinish("stop", model) + WireUsage(7, tokens, model) + WireDone();
  co_await talk.Piece(std::move(end));
  co_await talk.EndStream();
}

}  // namespace plumb::provider
