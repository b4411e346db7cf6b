#include "base/net/client.h"

#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <map>
#include <optional>

#include "base/net/stream.h"

namespace plumb::net {

namespace http = boost::beast::http;
using Steady = std::chrono::steady_clock;

namespace {

struct Idle {
  std::unique_ptr<Stream> stream;
  Steady::time_point since;
};

}  // namespace

struct ClientPool {
  ClientOptions options;
  std::shared_ptr<TlsContext> tls;  // made at the first https request
  std::map<std::string, std::vector<Idle>> idle;

  // A kept connection that still stands, newest first; nullptr where there is none.
  std::unique_ptr<Stream> Take(const std::string& key) {
    auto found = idle.find(key);
    if (found == idle.end()) return nullptr;
    const auto oldest = Steady::now() - options.max_idle_age;
    while (!found->second.empty()) {
      Idle kept = std::move(found->second.back());
      found->second.pop_back();
      if (kept.since > oldest && !kept.stream->Stale()) return std::move(kept.stream);
    }
    return nullptr;
  }
  void Keep(const std::string& key, std::unique_ptr<Stream> stream) {
    auto& list = idle[key];
    if (list.size() >= options.max_idle_per_host) list.erase(list.begin());
    stream->ExpireAfter(std::chrono::hours(24));
    list.push_back({std::move(stream), Steady::now()});
  }
};

struct Download::State {
  std::weak_ptr<ClientPool> pool;
  std::string key, where;
  std::unique_ptr<Stream> stream;
  std::optional<http::response_parser<http::string_body>> parser;
  std::string pending;  // read and not yet parsed
  Headers headers;
  int status = 0;
  bool reused = false;
  bool head_only = false;
  uint32_t max_header_bytes = 0;
  Timeouts timeouts;
  Steady::time_point deadline;

  Millis Left(Millis limit) const {
    const auto left = std::chrono::duration_cast<Millis>(deadline - Steady::now());
    return std::clamp(left, Millis(1), limit);
  }
  asio::awaitable<Status> ReadMore(Millis limit);
  asio::awaitable<Status> ReadHead();
  Status Parse();
  void NewParser() {
    parser.emplace();
    parser->eager(true);
    parser->body_limit(boost::none);
    parser->header_limit(max_header_bytes);
    if (head_only) parser->skip(true);
  }
  // The connection goes back to the pool once nothing more will come on it.
  void Release();
};

asio::awaitable<Status> Download::State::ReadMore(Millis limit) {
  const size_t had = pending.size();
  pending.resize(had + 16384);
  ErrorCode error;
  stream->ExpireAfter(Left(limit));
  const asio::mutable_buffer into(pending.data() + had, 16384);
  const size_t got = co_await stream->Read(into, error);
  pending.resize(had + (error ? 0 : got));
  if (!error) co_return Status();
  if (!IsTimeout(error) && parser->is_header_done()) {
    // A body without a length ends with its connection; any other end is a cut.
    ErrorCode unfinished;
    parser->put_eof(unfinished);
    if (!unfinished && parser->is_done()) co_return Status();
    co_return FailAt(where, Code::kCorrupt, "the answer was cut off: {}", error.message());
  }
  co_return std::unexpected(StreamError(error, parser->is_header_done() ? "reading the answer" : "waiting for an answer",
                                        where));
}

Status Download::State::Parse() {
  if (parser->is_done() || pending.empty()) return {};
  ErrorCode error;
  const size_t used = parser->put(asio::const_buffer(pending.data(), pending.size()), error);
  pending.erase(0, used);
  if (error && error != http::error::need_more) {
    return FailAt(where, Code::kCorrupt, "the answer is not HTTP/1.1: {}", error.message());
  }
  return {};
}

asio::awaitable<Status> Download::State::ReadHead() {
  while (!parser->is_header_done()) {
    PLUMB_CO_CHECK(co_await ReadMore(timeouts.first_byte));
    PLUMB_CO_CHECK(Parse());
    // Interim answers (100 Continue, 103 Early Hints) come before the real one.
    if (parser->is_header_done() && parser->get().result_int() / 100 == 1) {
      NewParser();
      PLUMB_CO_CHECK(Parse());
    }
  }
  status = static_cast<int>(parser->get().result_int());
  for (const auto& field : parser->get()) headers.Add(std::string(field.name_string()), std::string(field.value()));
  co_return Status();
}

void Download::State::Release() {
  auto client = pool.lock();
  if (client && stream && parser->is_done() && parser->keep_alive() && pending.empty()) {
    client->Keep(key, std::move(stream));
  }
  stream.reset();
}

Download::Download(std::unique_ptr<State> state) : state_(std::move(state)) {}
Download::Download(Download&&) noexcept = default;
Download& Download::operator=(Download&&) noexcept = default;
Download::~Download() {
  if (state_ && state_->stream) state_->Release();
}

int Download::status() const { return state_->status; }
const Headers& Download::headers() const { return state_->headers; }

void Download::SetIdle(std::chrono::milliseconds limit) { state_->timeouts.idle = limit; }

asio::awaitable<Result<std::string>> Download::Next() {
  State& state = *state_;
  while (true) {
    std::string piece = std::move(state.parser->get().body());
    state.parser->get().body().clear();
    if (!piece.empty()) co_return piece;
    if (state.parser->is_done()) {
      state.Release();
      co_return std::string();
    }
    PLUMB_CO_CHECK(co_await state.ReadMore(state.timeouts.idle));
    PLUMB_CO_CHECK(state.Parse());
  }
}

asio::awaitable<Result<std::string>> Download::Rest(size_t limit_bytes) {
  std::string all;
  while (true) {
    PLUMB_CO_TRY(std::string piece, co_await Next());
    if (piece.empty()) co_return all;
    all += piece;
    if (all.size() > limit_bytes) {
      co_return FailAt(state_->where, Code::kExhausted, "the answer holds more than {} bytes", limit_bytes);
    }
  }
}

namespace {

std::string RequestText(const ClientRequest& request) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.url.target);
  if (!request.headers.Has("host")) {
    const bool usual = request.url.address.port == (request.url.tls ? 443 : 80);
    const std::string host = request.url.address.unix_socket() ? "localhost"
                             : usual                           ? request.url.address.host
                                                               : request.url.address.Text();
    text += "host: " + host + "\r\n";
  }
  for (const auto& [name, value] : request.headers) text += name + ": " + value + "\r\n";
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    text += fmt::format("content-length: {}\r\n", request.body.size());
  }
  text += "\r\n";
  text += request.body;
  return text;
}

}  // namespace

Client::Client(ClientOptions options) : pool_(std::make_shared<ClientPool>()) { pool_->options = std::move(options); }
Client::~Client() = default;
void Client::CloseIdle() { pool_->idle.clear(); }

asio::awaitable<Result<Download>> Client::Open(ClientRequest request) {
  auto pool = pool_;
  const std::string key = (request.url.tls ? "tls " : "") + request.url.address.Text();
  const std::string where = request.url.address.Text();
  const auto deadline = Steady::now() + request.timeouts.overall;
  if (request.url.tls && !pool->tls) {
    PLUMB_CO_TRY(pool->tls, MakeTlsContext(pool->options.ca_file));
  }
  const std::string text = RequestText(request);
  while (true) {
    auto state = std::make_unique<Download::State>();
    state->pool = pool;
    state->key = key;
    state->where = where;
    state->timeouts = request.timeouts;
    state->deadline = deadline;
    state->max_header_bytes = static_cast<uint32_t>(pool->options.max_header_bytes);
    state->head_only = request.method == "HEAD";
    state->NewParser();
    state->stream = pool->Take(key);
    state->reused = state->stream != nullptr;
    if (!state->stream) {
      PLUMB_CO_TRY(state->stream, co_await Connect(request.url, pool->tls, state->Left(request.timeouts.connect)));
    }
    ErrorCode error;
    state->stream->ExpireAfter(state->Left(request.timeouts.idle));
    co_await state->stream->Write(text, error);
    Status head;
    if (error) {
      head = std::unexpected(StreamError(error, "sending the request", where));
    } else {
      head = co_await state->ReadHead();
    }
    if (head) co_return Download(std::move(state));
    // The server may have closed a kept connection in the very moment we wrote: once more, on another.
    const bool raced = state->reused && head.error().code == Code::kUnavailable && state->pending.empty();
    state->stream.reset();
    if (!raced) co_return std::unexpected(std::move(head).error());
  }
}

asio::awaitable<Result<ClientResponse>> Client::Fetch(ClientRequest request) {
  PLUMB_CO_TRY(Download download, co_await Open(std::move(request)));
  ClientResponse response;
  response.status = download.status();
  response.headers = download.headers();
  PLUMB_CO_TRY(response.body, co_await download.Rest(pool_->options.max_body_bytes));
  co_return response;
}

}  // namespace plumb::net
