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
  std::string default_model;        // for requests that name none
  net::Headers headers;             // sent with every request
  net::Timeouts timeouts;
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
  asio::awaitable<Result<json::object>> Post(std::string path, json::object body) override;

 protected:
  // Where to send now. The local provider waits here until its process is up. Error: kUnavailable.
  virtual asio::awaitable<Result<net::Url>> Base();
  // A POST of `body` to `path` below the base, retried; the answer's head is there, its status below 400.
  asio::awaitable<Result<net::Download>> Send(std::string_view path, const json::object& body, int& attempts);
  net::Client& client() { return client_; }

 private:
  asio::awaitable<Result<ChatResponse>> ReadStream(net::Download download, StreamReader& reader, const OnDelta& on_delta,
                                                   bool& handed_on);
  asio::awaitable<Result<net::Download>> SendOnce(std::string_view path, const std::string& body, int& status,
                                                  std::optional<Millis>& retry_after);
  Error Clean(Error error) const;

  asio::any_io_executor executor_;
  HttpOptions options_;
  std::unique_ptr<Protocol> protocol_;
  net::Client client_;
};

}  // namespace plumb::provider
