#include "runtime/provider/http_provider.h"

#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/core/secret.h"
#include "runtime/provider/failure.h"

namespace plumb::provider {

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
  for (const std::string* key : {&options_.key, &old_key_}) {
    if (key->size() < 8) continue;
    for (size_t at = error.message.find(*key); at != std::string::npos; at = error.message.find(*key)) {
      error.message.replace(at, key->size(), "[key]");
    }
  }
  return error;
}

// A file that is gone or empty at this moment is being replaced: the key that was in it goes on until there is another.
void HttpProvider::RefreshKey() {
  const auto now = Steady::now();
  if (options_.key_file.empty() || now < look_at_) return;
  look_at_ = now + options_.look_every;
  struct stat about = {};
  if (::stat(options_.key_file.c_str(), &about) != 0) return;
  std::string signature = fmt::format("{}.{} {} {}", about.st_mtim.tv_sec, about.st_mtim.tv_nsec, about.st_size, about.st_ino);
  if (signature == key_signature_) return;
  Result<std::string> key = ReadSecret({.file = options_.key_file}, nullptr);
  if (!key) return;
  key_signature_ = std::move(signature);
  if (*key != options_.key) old_key_ = std::exchange(options_.key, std::move(*key));
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

// What is sent to `endpoint`, with our key. `request`: null where it is no chat.
asio::awaitable<Result<net::ClientRequest>> HttpProvider::Letter(std::string_view endpoint, std::string body,
                                                                 const ChatRequest* request, const std::string& model) {
  net::ClientRequest letter;
  PLUMB_CO_TRY(letter.url, co_await Base());
  if (letter.url.target.ends_with('/')) letter.url.target.pop_back();
  letter.url.target += protocol_->Path(endpoint, model);
  letter.method = "POST";
  letter.headers = options_.headers;
  letter.headers.Reserve(letter.headers.wire().size() + 384, letter.headers.size() + 8);
  letter.timeouts = options_.timeouts;
  if (request) {
    for (const auto& [name, value] : request->headers) letter.headers.Set(name, value);
    letter.gone = request->gone;
    if (request->patience) letter.timeouts.first_byte = std::min(letter.timeouts.first_byte, *request->patience);
  }
  letter.headers.Set("content-type", "application/json");
  letter.headers.Set("user-agent", "plumbline");
  RefreshKey();
  protocol_->Authorise(letter.headers, options_.key);
  letter.body = std::move(body);
  co_return letter;
}

bool HttpProvider::Relays(std::string_view endpoint) const { return endpoint == protocol_->Endpoint({}) && protocol_->WordForWord(); }

asio::awaitable<Result<net::Download>> HttpProvider::Relay(const ChatRequest& request, std::string body) {
  PLUMB_CO_TRY(net::ClientRequest letter, co_await Letter(protocol_->Endpoint(request), std::move(body), &request, request.model));
  const std::string where = options_.base.Text();
  Result<net::Download> download = co_await client_.Open(std::move(letter));
  // Whose key is refused is ours to know, not the caller's to guess.
  if (!download || (download->status() != 401 && download->status() != 403)) co_return download;
  auto text = co_await download->Rest(1 << 20);
  std::string reason;
  co_return std::unexpected(Clean(VendorError(download->status(), text.value_or(""), where, reason)));
}

asio::awaitable<Result<net::Download>> HttpProvider::SendOnce(std::string_view endpoint, const std::string& body,
                                                              Asking& asking) {
  asking.start = Steady::now();
  asking.status = 0;
  asking.reason.clear();
  asking.retry_after.reset();
  asking.begun = false;
  PLUMB_CO_TRY(net::ClientRequest request, co_await Letter(endpoint, body, asking.request, asking.model));
  const std::string where = request.url.Text();
  PLUMB_CO_TRY(net::Download download, co_await client_.Open(std::move(request)));
  asking.status = download.status();
  if (asking.status < 400) co_return download;
  if (asking.status == 401) look_at_ = {};  // perhaps the key was changed a moment ago
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
  const std::string endpoint(protocol_->Endpoint(request));
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

}  // namespace plumb::provider
