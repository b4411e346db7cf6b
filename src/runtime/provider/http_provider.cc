#include "runtime/provider/http_provider.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "runtime/provider/failure.h"

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

void HttpProvider::Note(const Asking& asking, const Error* error) const {
  if (!asking.request || !asking.request->attempts) return;
  Attempt note;
  note.target = !options_.target.empty() ? options_.target : asking.model.empty() ? options_.name : options_.name + ":" + asking.model;
  note.status = asking.status;
  note.outcome = error ? CodeName(error->code) : "ok";
  note.reason = asking.reason;
  note.retry_after = asking.retry_after;
  note.ms = std::chrono::duration<double, std::milli>(Steady::now() - asking.start).count();
  note.begun = asking.begun;
  asking.request->attempts->push_back(std::move(note));
}

asio::awaitable<Result<net::Download>> HttpProvider::SendOnce(std::string_view endpoint, const std::string& body,
                                                              Asking& asking) {
  asking.start = Steady::now();
  asking.status = 0;
  asking.reason.clear();
  asking.retry_after.reset();
  asking.begun = false;
  net::ClientRequest request;
  PLUMB_CO_TRY(request.url, co_await Base());
  if (request.url.target.ends_with('/')) request.url.target.pop_back();
  request.url.target += protocol_->Path(endpoint, asking.model);
  request.method = "POST";
  request.headers = options_.headers;
  request.timeouts = options_.timeouts;
  if (asking.request) {
    for (const auto& [name, value] : asking.request->headers) request.headers.Set(name, value);
    request.gone = asking.request->gone;
    if (asking.request->patience) {
      request.timeouts.first_byte = std::min(request.timeouts.first_byte, *asking.request->patience);
    }
  }
  request.headers.Set("content-type", "application/json");
  request.headers.Set("user-agent", "plumbline");
  protocol_->Authorise(request.headers, options_.key);
  request.body = body;
  const std::string where = request.url.Text();
  PLUMB_CO_TRY(net::Download download, co_await client_.Open(std::move(request)));
  asking.status = download.status();
  if (asking.status < 400) co_return download;
  asking.retry_after = ParseRetryAfter(download.headers().Get("retry-after"), download.headers().Get("retry-after-ms"),
                                       options_.clock());
  auto text = co_await download.Rest(1 << 20);
  Error error = VendorError(asking.status, text.value_or(""), where, asking.reason);
  co_return std::unexpected(Clean(std::move(error)));
}

asio::awaitable<bool> HttpProvider::Again(const Asking& asking, const Error& error, Millis& waited) {
  const Meaning meaning = MeaningOf(asking.status, asking.reason, error);
  if (meaning != Meaning::kPassing && meaning != Meaning::kBusy) co_return false;
  const auto wait = RetryWait(options_.retry, asking.attempts + 1, waited, asking.retry_after, options_.random());
  if (!wait) co_return false;
  waited += *wait;
  asio::steady_timer timer(executor_, *wait);
  co_await timer.async_wait(asio::use_awaitable);
  co_return !(asking.request && asking.request->gone && asking.request->gone());
}

asio::awaitable<Result<net::Download>> HttpProvider::Send(std::string_view endpoint, const json::object& body,
                                                          Asking& asking) {
  const std::string text = ToJson(body);
  Millis waited{0};
  while (true) {
    ++asking.attempts;
    Result<net::Download> download = co_await SendOnce(endpoint, text, asking);
    if (download) co_return download;
    Error error = std::move(download).error();
    Note(asking, &error);
    const bool again = co_await Again(asking, error, waited);
    if (again) continue;
    if (asking.attempts > 1) error.message += fmt::format("; gave up after {} attempts", asking.attempts);
    co_return std::unexpected(std::move(error));
  }
}

namespace {

// An answer that is too much is the vendor's fault, and no limit of the caller's.
Error Oversized(Error error) {
  if (error.code == Code::kExhausted) error.code = Code::kCorrupt;
  return error;
}

// An answer cut off or garbled may be asked for once more, as long as nobody has seen any of it.
bool Broken(const Error& error) { return error.code == Code::kCorrupt || error.code == Code::kUnavailable; }

}  // namespace

asio::awaitable<Result<ChatResponse>> HttpProvider::ReadWhole(net::Download download, Asking& asking) {
  const std::string kind(download.headers().Get("content-type"));
  Result<std::string> text = co_await download.Rest(kMaxAnswerBytes);
  if (!text) co_return std::unexpected(Oversized(std::move(text).error()));
  auto parsed = ParseJson(*text, "the answer");
  if (!parsed || !parsed->is_object()) {
    co_return FailAt(options_.base.Text(), Code::kCorrupt, "the answer is not a JSON object (status {}, {})", asking.status,
                     kind.empty() ? "no content type" : ToUtf8(kind));
  }
  json::object& answer = parsed->as_object();
  if (const json::object* error = FindObject(answer, "error")) {
    co_return std::unexpected(StreamedError(*error, options_.base.Text(), asking.reason));
  }
  co_return protocol_->Parse(std::move(answer));
}

asio::awaitable<Result<ChatResponse>> HttpProvider::Chat(ChatRequest request) {
  if (request.model.empty()) request.model = options_.default_model;
  PLUMB_CO_TRY(const json::object body, protocol_->Body(request, false));
  Asking asking{.request = &request, .model = request.model};
  const std::string endpoint(protocol_->chat());
  for (int round = 0;; ++round) {
    PLUMB_CO_TRY(net::Download download, co_await Send(endpoint, body, asking));
    Result<ChatResponse> response = co_await ReadWhole(std::move(download), asking);
    if (response) {
      Note(asking, nullptr);
      response->attempts = asking.attempts;
      co_return response;
    }
    Error error = Clean(std::move(response).error());
    Note(asking, &error);
    if (!Broken(error) || round == 1 || asking.attempts >= options_.retry.max_attempts) co_return std::unexpected(std::move(error));
  }
}

asio::awaitable<Result<ChatResponse>> HttpProvider::ReadUnstreamed(net::Download download, const OnDelta& on_delta,
                                                                   Asking& asking) {
  PLUMB_CO_TRY(ChatResponse whole, co_await ReadWhole(std::move(download), asking));
  asking.begun = true;
  PLUMB_CO_CHECK(co_await HandOnWhole(whole, on_delta));
  co_return whole;
}

asio::awaitable<Result<ChatResponse>> HttpProvider::ReadStream(net::Download download, StreamReader& reader,
                                                               const OnDelta& on_delta, Asking& asking) {
  const std::string kind = Lower(download.headers().Get("content-type"));
  if (kind.starts_with("application/json") || kind.starts_with("text/html")) {
    auto whole = co_await ReadUnstreamed(std::move(download), on_delta, asking);
    co_return whole;
  }
  // Pings and empty pieces are signs of life, not of an answer.
  Millis first = options_.first_token.count() > 0 ? options_.first_token : options_.timeouts.first_byte;
  if (asking.request->patience) first = std::min(first, *asking.request->patience);
  net::SseParser parser;
  while (!reader.done()) {
    // The answer is there; a vendor that forgets to say so keeps us only a moment.
    Millis limit = reader.finished() ? options_.after_end : options_.timeouts.idle;
    const bool waiting = !asking.begun && !reader.finished();
    if (waiting) limit = std::max(Millis(1), first - std::chrono::duration_cast<Millis>(Steady::now() - asking.start));
    download.SetIdle(limit);
    Result<std::string> piece = co_await download.Next();
    if (!piece && reader.finished()) break;
    if (!piece) {
      Error error = std::move(piece).error();
      if (waiting && error.code == Code::kDeadline) error.message = fmt::format("no piece of an answer came within {} ms", first.count());
      co_return std::unexpected(std::move(error));
    }
    if (piece->empty()) break;
    auto events = parser.Feed(*piece);
    if (!events) co_return std::unexpected(Oversized(std::move(events).error()));
    for (const net::SseEvent& event : *events) {
      auto deltas = reader.Take(event);
      if (!deltas) {
        asking.reason = reader.reason();
        Error error = std::move(deltas).error();
        error.where = options_.base.Text();
        co_return std::unexpected(std::move(error));
      }
      for (const ChatDelta& delta : *deltas) {
        asking.begun = true;
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
    download.SetIdle(Millis(50));
    auto rest = co_await download.Next();
    static_cast<void>(rest);
  }
  co_return reader.Whole();
}

asio::awaitable<Result<ChatResponse>> HttpProvider::ChatStream(ChatRequest request, OnDelta on_delta) {
  if (request.model.empty()) request.model = options_.default_model;
  PLUMB_CO_TRY(const json::object body, protocol_->Body(request, true));
  Asking asking{.request = &request, .model = request.model};
  const std::string endpoint(protocol_->chat());
  for (int round = 0;; ++round) {
    PLUMB_CO_TRY(net::Download download, co_await Send(endpoint, body, asking));
    const std::unique_ptr<StreamReader> reader = protocol_->Read(request);
    Result<ChatResponse> whole = co_await ReadStream(std::move(download), *reader, on_delta, asking);
    if (whole) {
      Note(asking, nullptr);
      whole->attempts = asking.attempts;
      co_return whole;
    }
    Error error = Clean(std::move(whole).error());
    Note(asking, &error);
    if (asking.begun || !Broken(error) || round == 1 || asking.attempts >= options_.retry.max_attempts) {
      co_return std::unexpected(std::move(error));
    }
  }
}

asio::awaitable<Result<json::object>> HttpProvider::Post(std::string path, json::object body) {
  Asking asking;
  asking.model = GetStringOr(body, "model", options_.default_model).value_or("");
  if (asking.model.empty()) asking.model = options_.default_model;
  if (!asking.model.empty()) body["model"] = asking.model;
  PLUMB_CO_TRY(net::Download download, co_await Send(path, body, asking));
  Result<std::string> text = co_await download.Rest(kMaxAnswerBytes);
  if (!text) co_return std::unexpected(Clean(Oversized(std::move(text).error())));
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
  request.url.target += protocol_->Path("/models", "");
  request.headers = options_.headers;
  protocol_->Authorise(request.headers, options_.key);
  request.timeouts = options_.timeouts;
  const std::string where = request.url.Text();
  PLUMB_CO_TRY(const net::ClientResponse answer, co_await client_.Fetch(std::move(request)));
  std::string reason;
  if (answer.status >= 400) co_return std::unexpected(Clean(VendorError(answer.status, answer.body, where, reason)));
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
