// MOCK, for tests only: a vendor's API on a real socket, speaking OpenAI's and Anthropic's protocols, with faults on
// demand. It answers "You said: " and the last user message, one word a stream event.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "base/net/net.h"
#include "runtime/provider/mock_answer.h"

namespace plumb::provider {

// What goes wrong with one request, in the order they are asked for.
struct MockFault {
  enum Kind {
    kNone,
    kStatus,      // `status`, with `retry_after` where not empty and `body` where not empty
    kReset,       // closes before any answer
    kTruncate,    // closes in the middle of the body or stream
    kGarbage,     // a body that is no JSON; in a stream, one event that is none
    kNoDone,      // a complete stream without its end mark, then silence
    kDelay,       // answers after `delay`
    kErrorEvent,  // a stream that ends with an error object
  };
  Kind kind = kNone;
  int status = 500;
  std::string retry_after, body;
  std::chrono::milliseconds delay{0};
};

class MockVendor {
 public:
  struct Seen {
    std::string path, authorization, api_key;
    json::object body;
    net::Headers headers;
  };

  MockVendor() {
    auto made = net::Wait(io_.executor(), [](MockVendor* self) -> net::asio::awaitable<Result<std::unique_ptr<net::Server>>> {
      net::Address address{"127.0.0.1", 0, ""};
      net::Handler handler = [self](net::Request& request, net::ResponseWriter& out) { return self->Handle(request, out); };
      co_return net::Server::Listen(self->io_.executor(), address, std::move(handler));
    }(this));
    server_ = std::move(*made);
  }
  ~MockVendor() {
    net::Wait(io_.executor(), [](MockVendor* self) -> net::asio::awaitable<void> {
      self->server_.reset();
      co_return;
    }(this));
  }

  std::string url() const { return server_->url() + "/v1"; }
  void Plan(MockFault fault, int times = 1) {
    std::lock_guard lock(mutex_);
    for (int i = 0; i < times; ++i) faults_.push_back(fault);
  }
  std::vector<Seen> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  // What it answers instead; empty is the echo.
  void Say(std::string text) {
    std::lock_guard lock(mutex_);
    answer_ = MockAnswer();
    answer_.texts = {std::move(text)};
    echo_ = answer_.texts.front().empty();
  }
  // The same with tool calls, reasoning or several choices; its first text may be empty.
  void Answer(MockAnswer answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    echo_ = false;
  }

 private:
  static std::string LastUser(const json::object& body) {
    std::string last;
    if (const json::array* messages = FindArray(body, "messages")) {
      for (const json::value& message : *messages) {
        const json::object* object = message.if_object();
        const json::string* role = object ? FindString(*object, "role") : nullptr;
        if (!role || *role != "user") continue;
        const json::value& content = object->at("content");
        if (content.is_string()) last = content.get_string();
        if (!content.is_array()) continue;
        for (const json::value& part : content.get_array()) {
          if (const json::string* text = FindString(part.as_object(), "text")) last = *text;
        }
      }
    }
    return last;
  }

  net::asio::awaitable<void> Handle(net::Request& request, net::ResponseWriter& out) {
    auto parsed = ParseJson(request.body.empty() ? "{}" : request.body);
    const json::object body = parsed && parsed->is_object() ? parsed->as_object() : json::object();
    MockFault fault;
    MockAnswer answer;
    {
      std::lock_guard lock(mutex_);
      seen_.push_back({request.path, std::string(request.headers.Get("authorization")),
                       std::string(request.headers.Get("x-api-key")), body, request.headers});
      if (!faults_.empty()) {
        fault = faults_.front();
        faults_.pop_front();
      }
      answer = answer_;
      if (echo_) answer.texts = {"You said: " + (body.contains("prompt") ? std::string(body.at("prompt").as_string()) : LastUser(body))};
    }
    if (fault.delay.count() > 0) {
      net::asio::steady_timer timer(co_await net::asio::this_coro::executor, fault.delay);
      co_await timer.async_wait(net::asio::use_awaitable);
    }
    if (fault.kind == MockFault::kReset) {
      out.Abort();
      co_return;
    }
    if (fault.kind == MockFault::kStatus) {
      if (!fault.retry_after.empty()) out.headers.Set("retry-after", fault.retry_after);
      std::string text = fault.body;
      if (text.empty()) text = R"({"error":{"message":"planted fault","type":"server_error"}})";
      co_await out.Send(fault.status, "application/json", text);
      co_return;
    }
    if (request.path == "/v1/models") {
      co_await out.Send(200, "application/json", R"({"object":"list","data":[{"id":"mock-1","object":"model"}]})");
      co_return;
    }
    if (request.path == "/v1/embeddings" || request.path == "/v1/messages/count_tokens") {
      const json::object whole = request.path == "/v1/embeddings" ? MockEmbeddings(body) : json::object{{"input_tokens", 42}};
      co_await out.Send(200, "application/json", ToJson(whole));
      co_return;
    }
    const bool stream = GetBoolOr(body, "stream", false).value_or(false);
    const bool anthropic = request.path == "/v1/messages", completion = request.path == "/v1/completions";
    std::vector<std::string> pieces;
    if (stream) {
      pieces = anthropic ? MockAnthropicStream(answer) : completion ? MockCompletionStream(answer) : MockOpenAiStream(answer);
      co_await Stream(fault, pieces, out);
      co_return;
    }
    std::string whole = ToJson(anthropic ? MockAnthropic(answer) : completion ? MockCompletion(answer) : MockOpenAi(answer));
    if (fault.kind == MockFault::kGarbage) whole = "<html>502</html>";
    if (fault.kind == MockFault::kTruncate) {
      co_await out.Start(200, "application/json");
      co_await out.Write(whole.substr(0, whole.size() / 2));
      out.Abort();
      co_return;
    }
    co_await out.Send(200, "application/json", whole);
  }

  net::asio::awaitable<void> Stream(MockFault fault, const std::vector<std::string>& pieces, net::ResponseWriter& out) {
    co_await out.Start(200, "text/event-stream");
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (i == pieces.size() / 2) {
        if (fault.kind == MockFault::kTruncate) {
          out.Abort();
          co_return;
        }
        if (fault.kind == MockFault::kGarbage) co_await out.Write("data: {not json\n\n");
        if (fault.kind == MockFault::kErrorEvent) {
          co_await out.Write("data: {\"type\":\"error\",\"error\":{\"message\":\"overloaded\"}}\n\n");
          co_return;
        }
      }
      if (fault.kind == MockFault::kNoDone && i + 1 == pieces.size()) {
        net::asio::steady_timer timer(co_await net::asio::this_coro::executor, std::chrono::seconds(20));
        co_await timer.async_wait(net::asio::use_awaitable);
        co_return;
      }
      auto sent = co_await out.Write(pieces[i]);
      if (!sent) co_return;
    }
  }

  std::mutex mutex_;
  std::deque<MockFault> faults_;
  std::vector<Seen> seen_;
  MockAnswer answer_;
  bool echo_ = true;  // instead of `answer_`
  net::IoThread io_;
  std::unique_ptr<net::Server> server_;
};

}  // namespace plumb::provider
