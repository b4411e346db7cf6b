#include "runtime/provider/http_provider.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace plumb::provider {
namespace {

constexpr size_t kMaxAnswerBytes = 64 << 20;

double SystemRandom() {
  const std::string bytes = RandomBytes(4);
  uint32_t value = 0;
  for (unsigned char byte : bytes) value = value << 8 | byte;
  return value / 4294967296.0;
}

}  // namespace

HttpProvider::HttpProvider(asio::any_io_executor executor, HttpOptions options, std::unique_ptr<Protocol> protocol)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      protocol_(std::move(protocol)),
      client_(net::ClientOptions{.ca_file = options_.ca_file}) {
  if (!options_.random) options_.random = SystemRandom;
}

HttpProvider::~HttpProvider() = default;

asio::awaitable<Result<net::Url>> HttpProvider::Base() { co_return options_.base; }

// A vendor that repeats our key in its message must not put it into our records.
Error HttpProvider::Clean(Error error) const {
  if (options_.key.size() < 8) return error;
  for (size_t at = error.message.find(options_.key); at != std::string::npos; at = error.message.find(options_.key)) {
    error.message.replace(at, options_.key.size(), "[key]");
  }
  return error;
}

asio::awaitable<Result<net::Download>> HttpProvider::SendOnce(std::string_view path, const std::string& body,
                                                              int& status, std::optional<Millis>& retry_after) {
  status = 0;
  net::ClientRequest request;
  PLUMB_CO_TRY(request.url, co_await Base());
  if (request.url.target.ends_with('/')) request.url.target.pop_back();
  request.url.target += path;
  request.method = "POST";
  request.headers = options_.headers;
  request.headers.Set("content-type", "application/json");
  request.headers.Set("user-agent", "plumbline");
  protocol_->Authorise(request.headers, options_.key);
  request.body = body;
  request.timeouts = options_.timeouts;
  const std::string where = request.url.Text();
  PLUMB_CO_TRY(net::Download download, co_await client_.Open(std::move(request)));
  status = download.status();
  if (status < 400) co_return download;
  retry_after = ParseRetryAfter(download.headers().Get("retry-after"), download.headers().Get("retry-after-ms"),
                                options_.clock());
  auto text = co_await download.Rest(1 << 20);
  co_return std::unexpected(Clean(VendorError(status, text.value_or(""), where)));
}

asio::awaitable<Result<net::Download>> HttpProvider::Send(std::string_view path, const json::object& body,
                                                          int& attempts) {
  const std::string text = ToJson(body);
  Millis waited{0};
  for (attempts = 1;; ++attempts) {
    int status = 0;
    std::optional<Millis> retry_after;
    Result<net::Download> download = co_await SendOnce(path, text, status, retry_after);
    if (download || !MayRetry(status, download.error())) co_return download;
    const auto wait = RetryWait(options_.retry, attempts + 1, waited, retry_after, options_.random());
    if (!wait) {
      Error error = std::move(download).error();
      if (attempts > 1) error.message += fmt::format("; gave up after {} attempts", attempts);
      co_return std::unexpected(std::move(error));
    }
    waited += *wait;
    asio::steady_timer timer(executor_, *wait);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<Result<ChatResponse>> HttpProvider::Chat(ChatRequest request) {
  if (request.model.empty()) request.model = options_.default_model;
  PLUMB_CO_TRY(const json::object body, protocol_->Body(request, false));
  Error last;
  int attempts = 0;
  // An answer cut off in its body may be asked for once more: nobody has seen any of it.
  for (int round = 0; round < 2; ++round) {
    int tried = 0;
    Result<net::Download> download = co_await Send(protocol_->path(), body, tried);
    attempts += tried;
    if (!download) co_return std::unexpected(std::move(download).error());
    Result<std::string> text = co_await download->Rest(kMaxAnswerBytes);
    if (!text) {
      last = std::move(text).error();
      if (last.code != Code::kCorrupt && last.code != Code::kUnavailable) break;
      continue;
    }
    auto parsed = ParseJson(*text, "the answer");
    if (!parsed || !parsed->is_object()) {
      last = {Code::kCorrupt, "the answer is not a JSON object", options_.base.Text()};
      continue;
    }
    PLUMB_CO_TRY(ChatResponse response, protocol_->Parse(std::move(parsed->as_object())));
    response.attempts = attempts;
    co_return response;
  }
  co_return std::unexpected(Clean(std::move(last)));
}

asio::awaitable<Result<ChatResponse>> HttpProvider::ReadStream(net::Download download, StreamReader& reader,
                                                               const OnDelta& on_delta, bool& handed_on) {
  net::SseParser parser;
  while (!reader.done()) {
    // The answer is there; a vendor that forgets to say so keeps us only a moment.
    if (reader.finished()) download.SetIdle(std::chrono::seconds(5));
    Result<std::string> piece = co_await download.Next();
    if (!piece && reader.finished()) break;
    if (!piece) co_return std::unexpected(std::move(piece).error());
    if (piece->empty()) break;
    PLUMB_CO_TRY(const auto events, parser.Feed(*piece));
    for (const net::SseEvent& event : events) {
      PLUMB_CO_TRY(const auto deltas, reader.Take(event));
      for (const ChatDelta& delta : deltas) {
        handed_on = true;
        Status taken = co_await on_delta(delta);
        if (!taken) co_return std::unexpected(std::move(taken).error());
      }
    }
  }
  if (!reader.finished()) {
    co_return FailAt(options_.base.Text(), Code::kCorrupt, "the stream was cut off before its end");
  }
  // The last bytes of a complete answer, so that the connection can be used again.
  if (reader.done()) {
    download.SetIdle(std::chrono::milliseconds(50));
    auto rest = co_await download.Next();
    static_cast<void>(rest);
  }
  co_return reader.Whole();
}

asio::awaitable<Result<ChatResponse>> HttpProvider::ChatStream(ChatRequest request, OnDelta on_delta) {
  if (request.model.empty()) request.model = options_.default_model;
  PLUMB_CO_TRY(const json::object body, protocol_->Body(request, true));
  int attempts = 0;
  for (int round = 0;; ++round) {
    int tried = 0;
    PLUMB_CO_TRY(net::Download download, co_await Send(protocol_->path(), body, tried));
    attempts += tried;
    bool handed_on = false;
    const std::unique_ptr<StreamReader> reader = protocol_->Read(request);
    Result<ChatResponse> whole = co_await ReadStream(std::move(download), *reader, on_delta, handed_on);
    if (whole) {
      whole->attempts = attempts;
      co_return whole;
    }
    const Code code = whole.error().code;
    const bool broken = code == Code::kCorrupt || code == Code::kUnavailable;
    if (handed_on || !broken || round == 1) co_return std::unexpected(Clean(std::move(whole).error()));
  }
}

asio::awaitable<Result<json::object>> HttpProvider::Post(std::string path, json::object body) {
  int attempts = 0;
  PLUMB_CO_TRY(net::Download download, co_await Send(path, body, attempts));
  Result<std::string> text = co_await download.Rest(kMaxAnswerBytes);
  if (!text) co_return std::unexpected(Clean(std::move(text).error()));
  auto parsed = ParseJson(*text, "the answer");
  if (!parsed || !parsed->is_object()) {
    co_return FailAt(options_.base.Text(), Code::kCorrupt, "the answer to {} is not a JSON object", path);
  }
  co_return std::move(parsed->as_object());
}

asio::awaitable<Result<std::vector<std::string>>> HttpProvider::Models() {
  net::ClientRequest request;
  PLUMB_CO_TRY(request.url, co_await Base());
  if (request.url.target.ends_with('/')) request.url.target.pop_back();
  request.url.target += "/models";
  request.headers = options_.headers;
  protocol_->Authorise(request.headers, options_.key);
  request.timeouts = options_.timeouts;
  const std::string where = request.url.Text();
  PLUMB_CO_TRY(const net::ClientResponse answer, co_await client_.Fetch(std::move(request)));
  if (answer.status >= 400) co_return std::unexpected(Clean(VendorError(answer.status, answer.body, where)));
  auto parsed = ParseJson(answer.body, "the answer");
  const json::array* data = parsed && parsed->is_object() ? FindArray(parsed->as_object(), "data") : nullptr;
  if (!data) co_return FailAt(where, Code::kCorrupt, "the answer is no list of models");
  std::vector<std::string> names;
  for (const json::value& model : *data) {
    const json::object* object = model.if_object();
    if (const json::string* id = object ? FindString(*object, "id") : nullptr) names.emplace_back(*id);
  }
  co_return names;
}

}  // namespace plumb::provider
