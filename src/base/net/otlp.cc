#include "base/net/otlp.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <charconv>
#include <deque>
#include <future>
#include <mutex>

#include "base/net/client.h"
#include "base/net/io_thread.h"

namespace plumb::net {
namespace {

using std::chrono::milliseconds;

bool MayRetry(const Result<ClientResponse>& answer) {
  if (!answer) return answer.error().code == Code::kUnavailable || answer.error().code == Code::kDeadline;
  return answer->status == 429 || answer->status == 502 || answer->status == 503 || answer->status == 504;
}

std::optional<milliseconds> RetryAfter(const Result<ClientResponse>& answer) {
  if (!answer) return std::nullopt;
  const std::string_view text = answer->headers.Get("retry-after");
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return milliseconds(std::min(seconds, 60) * 1000);
}

}  // namespace

struct OtlpExporter::State {
  State(OtlpOptions o, Url u) : options(std::move(o)), url(std::move(u)), meter(options.clock()), client(ClientOptions{.ca_file = options.ca_file}) {}

  OtlpOptions options;
  Url url;
  Meter meter;

  mutable std::mutex mutex;  // guards what follows
  std::deque<Span> spans;
  std::deque<Event> events;
  OtlpStats stats;
  bool closing = false;

  std::atomic<bool> abandoned = false;       // requests in progress are no longer wanted

  IoThread io;
  Client client;                             // of io's thread, like the timer
  std::unique_ptr<asio::steady_timer> wake;  // ends the wait between batches early

  // Whether there is room; counts what is dropped.
  bool Room() {
    if (!closing && spans.size() + events.size() < options.queue_limit) return true;
    ++stats.dropped;
    return false;
  }

  asio::awaitable<void> Sleep(milliseconds time) {
    {
      std::lock_guard lock(mutex);
      if (closing) co_return;
    }
    wake->expires_after(time);
    boost::system::error_code ignored;
    co_await wake->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  bool Closing() const {
    std::lock_guard lock(mutex);
    return closing;
  }

  // Sends one body, again where that may help. False: given up.
  asio::awaitable<bool> Deliver(std::string path, std::string body) {
    milliseconds wait = options.first_wait;
    for (int attempt = 1;; ++attempt) {
      ClientRequest request;
      request.method = "POST";
      request.url = url;
      request.url.target += path;
      request.headers = options.headers;
      request.headers.Set("content-type", "application/json");
      request.headers.Set("user-agent", fmt::format("OTel-OTLP-Exporter-{}/{}", options.scope, options.scope_version));
      request.body = body;
      request.timeouts = {.connect = options.timeout, .first_byte = options.timeout, .idle = options.timeout, .overall = options.timeout};
      request.gone = [this] { return abandoned.load(); };
      Result<ClientResponse> answer = co_await client.Fetch(std::move(request));
      const bool taken = answer && answer->status >= 200 && answer->status < 300;
      {
        std::lock_guard lock(mutex);
        ++stats.requests;
        if (taken) {
          stats.last_error.clear();
        } else {
          ++stats.failures;
          stats.last_error = answer ? fmt::format("{} answered {}", path, answer->status) : answer.error().Text();
        }
      }
      if (taken) co_return true;
      if (!MayRetry(answer) || attempt >= options.attempts || Closing()) co_return false;
      const milliseconds pause = RetryAfter(answer).value_or(wait);
      co_await Sleep(pause);
      wait = std::min(2 * wait, milliseconds(30'000));
    }
  }

  template <class Item>
  std::vector<Item> Take(std::deque<Item>& queue) {
    std::lock_guard lock(mutex);
    const size_t n = std::min(queue.size(), options.batch_limit);
    std::vector<Item> batch(std::make_move_iterator(queue.begin()), std::make_move_iterator(queue.begin() + static_cast<ptrdiff_t>(n)));
    queue.erase(queue.begin(), queue.begin() + static_cast<ptrdiff_t>(n));
    return batch;
  }
  void Count(size_t n, bool taken) {
    std::lock_guard lock(mutex);
    (taken ? stats.sent : stats.refused) += n;
  }

  // Everything that waits, batch by batch.
  asio::awaitable<void> SendWaiting() {
    for (;;) {
      const std::vector<Span> batch = Take(spans);
      if (batch.empty()) break;
      std::string body = TracesJson(batch, options);
      const bool taken = co_await Deliver("/v1/traces", std::move(body));
      Count(batch.size(), taken);
    }
    for (;;) {
      const std::vector<Event> batch = Take(events);
      if (batch.empty()) break;
      std::string body = LogsJson(batch, options);
      const bool taken = co_await Deliver("/v1/logs", std::move(body));
      Count(batch.size(), taken);
    }
  }
  asio::awaitable<void> SendMetrics() {
    const std::vector<Meter::Snapshot> metrics = meter.Read();
    if (metrics.empty()) co_return;
    std::string body = MetricsJson(metrics, meter.started(), options.clock(), options);
    co_await Deliver("/v1/metrics", std::move(body));
  }

  asio::awaitable<void> Run() {
    auto metrics_due = std::chrono::steady_clock::now() + options.metrics_interval;
    while (!Closing()) {
      co_await Sleep(options.interval);
      co_await SendWaiting();
      if (std::chrono::steady_clock::now() < metrics_due && !Closing()) continue;
      co_await SendMetrics();
      metrics_due = std::chrono::steady_clock::now() + options.metrics_interval;
    }
    co_await SendWaiting();
  }
  std::future<void> running;
};

OtlpExporter::OtlpExporter(std::unique_ptr<State> state) : state_(std::move(state)) {}

OtlpExporter::~OtlpExporter() {
  Close(milliseconds(0));
  State* s = state_.get();
  s->abandoned = true;
  s->running.wait();
  // Connections and timer end on their own thread, before it does.
  asio::post(s->io.executor(), asio::use_future([s] {
    s->client.CloseIdle();
    s->wake.reset();
  })).wait();
}

Result<std::unique_ptr<OtlpExporter>> OtlpExporter::Start(OtlpOptions options) {
  PLUMB_TRY(Url url, ParseUrl(options.endpoint));
  while (url.target.ends_with('/')) url.target.pop_back();
  auto state = std::make_unique<State>(std::move(options), std::move(url));
  State* s = state.get();
  s->wake = std::make_unique<asio::steady_timer>(s->io.executor());
  s->running = asio::co_spawn(s->io.executor(), s->Run(), asio::use_future);
  return std::unique_ptr<OtlpExporter>(new OtlpExporter(std::move(state)));
}

void OtlpExporter::Add(Span span) {
  if (!span.context.sampled) return;
  std::lock_guard lock(state_->mutex);
  if (state_->Room()) state_->spans.push_back(std::move(span));
}

void OtlpExporter::Add(Event event) {
  std::lock_guard lock(state_->mutex);
  if (state_->Room()) state_->events.push_back(std::move(event));
}

Meter& OtlpExporter::meter() { return state_->meter; }

OtlpStats OtlpExporter::stats() const {
  std::lock_guard lock(state_->mutex);
  OtlpStats out = state_->stats;
  out.waiting = state_->spans.size() + state_->events.size();
  return out;
}

void OtlpExporter::Close(milliseconds limit) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->closing) return;
    state_->closing = true;
  }
  State* s = state_.get();
  asio::post(s->io.executor(), [s] { s->wake->cancel(); });
  s->running.wait_for(limit);
}

Result<Headers> ParseOtlpHeaders(std::string_view text) {
  Headers out;
  for (const std::string_view part : Split(text, ',')) {
    const std::string_view pair = Trim(part);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Fail(Code::kInvalid, "the collector's headers must be written as name=value,name2=value2");
    }
    out.Set(std::string(Trim(pair.substr(0, equals))), PercentDecode(Trim(pair.substr(equals + 1))));
  }
  return out;
}

}  // namespace plumb::net
