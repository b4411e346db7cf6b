// A Provider over HTTP: one protocol, one base URL, one key, retries.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/net/client.h"
#include "runtime/provider/protocol.h"
#include "runtime/provider/provider.h"
#include "runtime/provider/retry.h"

namespace plumb::provider {

struct HttpOptions {
  std::string name;
  net::Url base;                    // "https://api.openai.com/v1"
  std::string key;                  // empty: none is sent
  std::string key_file;             // looked at now and then: the key in it may be another by now; empty: none
  Millis look_every{1'000};         // at most so often, and after the vendor refused the key
  std::string target;               // what attempts are noted under; empty: name:model
  std::string default_model;        // for requests that name none
  net::Headers headers;             // sent with every request
  net::Timeouts timeouts;
  Millis first_token{0};            // of a stream, to its first piece; 0: timeouts.first_byte
  Millis after_end{5'000};          // for what may follow a complete stream: usage, the end mark
  RetryPolicy retry;
  std::string ca_file;
  Clock clock = SystemClock();
  std::function<double()> random;   // in [0, 1), for jitter; empty: the system's
};

class HttpProvider : public Provider {
 public:
  HttpProvider(asio::any_io_executor executor, HttpOptions options, std::unique_ptr<Protocol> protocol);
  ~HttpProvider() override;

  const std::string& name() const override { return options_.name; }
  asio::any_io_executor executor() const override { return executor_; }
  asio::awaitable<Result<ChatResponse>> Chat(ChatRequest request) override;
  asio::awaitable<Result<ChatResponse>> ChatStream(ChatRequest request, OnDelta on_delta) override;
  asio::awaitable<Result<std::vector<std::string>>> Models() override;
  asio::awaitable<Result<ChatResponse>> Post(std::string path, json::object body, ChatRequest about) override;

  // Whether a request in this API ("/chat/completions", "/messages") may be sent word for word.
  bool Relays(std::string_view endpoint) const;
  // Sends `body` as it is, once. The head of the answer is there, whatever its status; `request` says the model, the
  // headers, and who waits.
  asio::awaitable<Result<net::Download>> Relay(const ChatRequest& request, std::string body);

 protected:
  using Steady = std::chrono::steady_clock;

  // One request on its way through its attempts.
  struct Asking {
    const ChatRequest* request = nullptr;  // null where it is no chat
    std::string model;
    int attempts = 0;
    // Of the latest attempt:
    Steady::time_point start;
    int status = 0;
    std::string reason;
    std::optional<Millis> retry_after;
    bool begun = false;  // pieces were handed on
  };

  // Where to send now. The local provider waits here until its process is up. Error: kUnavailable.
  virtual asio::awaitable<Result<net::Url>> Base();
  // A POST of `body` to `endpoint`, retried; the answer's head is there, its status below 400. Whoever reads the rest
  // notes the attempt's end.
  asio::awaitable<Result<net::Download>> Send(std::string_view endpoint, const json::object& body, Asking& asking);
  net::Client& client() { return client_; }

 private:
  static constexpr size_t kMaxAnswerBytes = 64 << 20;

  asio::awaitable<Result<net::ClientRequest>> Letter(std::string_view endpoint, std::string body, const ChatRequest* request,
                                                     const std::string& model);
  asio::awaitable<Result<net::Download>> SendOnce(std::string_view endpoint, const std::string& body, Asking& asking);
  asio::awaitable<Result<ChatResponse>> ReadWhole(net::Download download, Asking& asking);
  asio::awaitable<Result<ChatResponse>> ReadStream(net::Download download, StreamReader& reader, const OnDelta& on_delta,
                                                   Asking& asking);
  // The whole answer where a stream was asked for.
  asio::awaitable<Result<ChatResponse>> ReadUnstreamed(net::Download download, const OnDelta& on_delta, Asking& asking);
  asio::awaitable<Result<ChatResponse>> ReadPosted(net::Download download, std::string path);
  void Note(const Asking& asking, const Error* error) const;
  // Whether `asking` may be tried again after `error`, having waited until then.
  asio::awaitable<bool> Again(const Asking& asking, const Error& error, Millis& waited);
  Error Clean(Error error) const;
  void RefreshKey();

  asio::any_io_executor executor_;
  HttpOptions options_;
  std::unique_ptr<Protocol> protocol_;
  net::Client client_;
  std::string old_key_;       // the one before: a vendor may still repeat it
  std::string key_signature_; // of the key's file, as it was read
  Steady::time_point look_at_{};
};

}  // namespace plumb::provider
