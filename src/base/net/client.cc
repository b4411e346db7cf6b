#include "base/net/client.h"

#include <limits>
#include <map>
#include <optional>

#include "base/net/message.h"
#include "base/net/stream.h"

namespace plumb::net {
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
  std::vector<char> scratch = std::vector<char>(64 << 10);  // what a read fills; never kept over a wait

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
    stream->Listen();
    list.push_back({std::move(stream), Steady::now()});
  }
};

// How the body of an answer ends.
enum class BodyEnd { kLength, kChunks, kConnection };

struct Download::State {
  std::shared_ptr<ClientPool> pool;
  std::string key, where;
  std::unique_ptr<Stream> stream;
  std::string pending;  // read and not yet parsed
  Headers headers;
  int status = 0;
  bool head_done = false, done = false, keep_alive = false;
  BodyEnd end = BodyEnd::kLength;
  uint64_t left = 0;  // of a body with a length
  ChunkedBody chunks;
  bool reused = false;
  bool head_only = false;
  Timeouts timeouts;
  Steady::time_point deadline;

  Millis Left(Millis limit) const {
    const auto left_of_all = std::chrono::duration_cast<Millis>(deadline - Steady::now());
    return std::clamp(left_of_all, Millis(1), limit);
  }
  // Appends what comes next to `pending`. At the end of the stream: `done`, where the body ends with it.
  asio::awaitable<Status> ReadMore(Millis limit);
  // What the end of the stream, or an error, is for the answer.
  Status Ended(const ErrorCode& error);
  asio::awaitable<Status> ReadHead();
  Status ParseHead(size_t length);
  // Moves what `pending` holds of the body into `piece`.
  Status TakeBody(std::string& piece);
  Error Garbled(const HttpFault& fault) const {
    return {Code::kCorrupt, "the answer is not HTTP/1.1: " + fault.message, where};
  }
  // The connection goes back to the pool once nothing more will come on it.
  void Release();
};

asio::awaitable<Status> Download::State::ReadMore(Millis limit) {
  ErrorCode error;
  stream->ExpireAfter(Left(limit));
  while (true) {
    std::vector<char>& scratch = pool->scratch;
    const size_t got = stream->ReadNow(asio::buffer(scratch.data(), scratch.size()), error);
    if (got > 0) {
      pending.append(scratch.data(), got);
      co_return Status();
    }
    if (error == asio::error::would_block) co_await stream->WaitReadable(error);
    if (error) co_return Ended(error);
  }
}

Status Download::State::Ended(const ErrorCode& error) {
  if (stream->abandoned()) return FailAt(where, Code::kCancelled, "nobody waits for the answer any more");
  if (head_done && !IsTimeout(error)) {
    // A body without a length ends with its connection; any other end is a cut.
    if (end == BodyEnd::kConnection && error == asio::error::eof) {
      done = true;
      return {};
    }
    return FailAt(where, Code::kCorrupt, "the answer was cut off: {}", error.message());
  }
  if (!pending.empty() && error == asio::error::eof) {
    return FailAt(where, Code::kCorrupt, "the answer was cut off inside its head");
  }
  return std::unexpected(StreamError(error, head_done ? "reading the answer" : "waiting for an answer", where));
}

Status Download::State::ParseHead(size_t length) {
  headers = Headers();
  auto head = ParseResponseHead(std::string_view(pending).substr(0, length), headers);
  if (!head) return std::unexpected(Garbled(head.error()));
  pending.erase(0, length);
  status = head->status;
  if (status / 100 == 1 && status != 101) return {};  // interim: 100 Continue, 103 Early Hints
  head_done = true;
  keep_alive = head->framing.keep_alive;
  if (head_only || status == 204 || status == 304) {
    done = true;
  } else if (head->framing.chunked) {
    end = BodyEnd::kChunks;
  } else if (head->framing.content_length) {
    left = *head->framing.content_length;
    done = left == 0;
  } else {
    end = BodyEnd::kConnection;
    keep_alive = false;
  }
  return {};
}

asio::awaitable<Status> Download::State::ReadHead() {
  size_t seen = 0;
  while (!head_done) {
    if (!pending.empty()) {
      auto length = FindHead(pending, seen);
      if (!length) co_return std::unexpected(Garbled(length.error()));
      seen = pending.size();
      if (*length > 0) {
        PLUMB_CO_CHECK(ParseHead(*length));
        seen = 0;
        continue;
      }
      if (pending.size() > pool->options.max_header_bytes) {
        const HttpFault fault = {431, "its head is too long"};
        co_return std::unexpected(Garbled(fault));
      }
    }
    PLUMB_CO_CHECK(co_await ReadMore(timeouts.first_byte));
  }
  co_return Status();
}

Status Download::State::TakeBody(std::string& piece) {
  if (done || pending.empty()) return {};
  if (end == BodyEnd::kChunks) {
    auto used = chunks.Feed(pending, piece, std::numeric_limits<size_t>::max());
    if (!used) return std::unexpected(Garbled(used.error()));
    pending.erase(0, *used);
    done = chunks.done();
  } else if (end == BodyEnd::kConnection || pending.size() <= left) {
    left -= end == BodyEnd::kLength ? pending.size() : 0;
    piece = std::move(pending);
    pending.clear();
    done = end == BodyEnd::kLength && left == 0;
  } else {
    piece = pending.substr(0, left);
    pending.erase(0, left);
    left = 0;
    done = true;
  }
  return {};
}

void Download::State::Release() {
  if (stream) stream->SetGone(nullptr);
  // Bytes behind the end belong to no answer: such a connection is not used again.
  if (stream && done && keep_alive && pending.empty()) pool->Keep(key, std::move(stream));
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

bool Download::done() const { return state_->done; }
bool Download::Buffered() const { return state_->done || !state_->pending.empty(); }

void Download::SetIdle(std::chrono::milliseconds limit) { state_->timeouts.idle = limit; }

asio::awaitable<Result<std::string>> Download::Next() {
  State& state = *state_;
  while (true) {
    std::string piece;
    PLUMB_CO_CHECK(state.TakeBody(piece));
    if (!piece.empty()) co_return piece;
    if (state.done) {
      state.Release();
      co_return std::string();
    }
    PLUMB_CO_CHECK(co_await state.ReadMore(state.timeouts.idle));
  }
}

asio::awaitable<Result<std::string>> Download::Rest(size_t limit_bytes) {
  State& state = *state_;
  std::string all;
  while (true) {
    std::string piece;
    PLUMB_CO_CHECK(state.TakeBody(piece));
    if (all.empty()) all = std::move(piece);
    else all += piece;
    if (all.size() > limit_bytes) {
      co_return FailAt(state.where, Code::kExhausted, "the answer holds more than {} bytes", limit_bytes);
    }
    if (state.done) break;
    PLUMB_CO_CHECK(co_await state.ReadMore(state.timeouts.idle));
  }
  state.Release();
  co_return all;
}

namespace {

std::string HeadText(const ClientRequest& request) {
  std::string text;
  text.reserve(request.headers.wire().size() + request.url.target.size() + 160);
  text.append(request.method).append(" ").append(request.url.target).append(" HTTP/1.1\r\n");
  if (!request.headers.Has("host")) {
    const bool usual = request.url.address.port == (request.url.tls ? 443 : 80);
    const std::string host = request.url.address.unix_socket() ? "localhost"
                             : usual                           ? request.url.address.host
                                                               : request.url.address.Text();
    text.append("host: ").append(host).append("\r\n");
  }
  text.append(request.headers.wire());
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    text.append("content-length: ").append(fmt::format_int(request.body.size()).c_str()).append("\r\n");
  }
  text.append("\r\n");
  return text;
}

}  // namespace

Client::Client(ClientOptions options) : pool_(std::make_shared<ClientPool>()) { pool_->options = std::move(options); }
Client::~Client() = default;
void Client::CloseIdle() { pool_->idle.clear(); }

asio::awaitable<Result<Download>> Client::Open(ClientRequest request) {
  auto pool = pool_;
  const std::string where = request.url.address.Text();
  const std::string key = request.url.tls ? "tls " + where : where;
  const auto deadline = Steady::now() + request.timeouts.overall;
  if (request.url.tls && !pool->tls) {
    PLUMB_CO_TRY(pool->tls, TlsContext::OfClient(pool->options.ca_file));
  }
  const std::string text = HeadText(request);
  while (true) {
    auto state = std::make_unique<Download::State>();
    state->pool = pool;
    state->key = key;
    state->where = where;
    state->timeouts = request.timeouts;
    state->deadline = deadline;
    state->head_only = request.method == "HEAD";
    state->stream = pool->Take(key);
    state->reused = state->stream != nullptr;
    if (!state->stream) {
      PLUMB_CO_TRY(state->stream, co_await Connect(request.url, pool->tls, state->Left(request.timeouts.connect)));
    }
    state->stream->SetGone(request.gone);
    ErrorCode error;
    state->stream->ExpireAfter(state->Left(request.timeouts.idle));
    std::string_view first = text, second = request.body;
    if (!state->stream->WriteAtOnce(first, second, error)) co_await state->stream->Write(first, second, error);
    Status head;
    if (error && state->stream->abandoned()) {
      head = FailAt(where, Code::kCancelled, "nobody waits for the answer any more");
    } else if (error) {
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
