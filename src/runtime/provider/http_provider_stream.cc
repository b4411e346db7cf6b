// Answers as they are written.
#include <algorithm>

#include "runtime/provider/failure.h"
#include "runtime/provider/http_provider.h"

namespace plumb::provider {
namespace {

// What came together. `status`: what is wrong with the event behind them, where there is something.
std::vector<ChatDelta> DeltasOf(const std::vector<net::SseEvent>& events, StreamReader& reader, Status& status) {
  std::vector<ChatDelta> all;
  for (const net::SseEvent& event : events) {
    auto deltas = reader.Take(event);
    if (!deltas) {
      status = std::unexpected(std::move(deltas).error());
      break;
    }
    for (ChatDelta& delta : *deltas) all.push_back(std::move(delta));
  }
  for (size_t i = 0; i + 1 < all.size(); ++i) all[i].more = true;
  return all;
}

}  // namespace

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
    Status read;
    std::vector<ChatDelta> deltas = DeltasOf(*events, reader, read);
    for (const ChatDelta& delta : deltas) {
      asking.begun = true;
      Status taken = co_await on_delta(delta);
      if (!taken) co_return std::unexpected(std::move(taken).error());
    }
    if (!read) {
      asking.reason = reader.reason();
      Error error = std::move(read).error();
      error.where = options_.base.Text();
      co_return std::unexpected(std::move(error));
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
  const std::string endpoint(protocol_->Endpoint(request));
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

}  // namespace plumb::provider
