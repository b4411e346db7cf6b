#include "runtime/provider/failover.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <deque>

#include "runtime/provider/failure.h"

namespace plumb::provider {

using Steady = std::chrono::steady_clock;

// One request on its way through the targets.
struct Failover::Run {
  ChatRequest request;             // as asked
  const OnDelta* on_delta;         // null: the whole at once
  std::deque<size_t> queue;        // targets not yet asked
  std::vector<bool> passed_over;   // those that could not be asked at first: asked after all where nobody else answers
  SteadyTime start = Steady::now();
  Millis waited{0};
  int attempts = 0;
  int64_t too_long = -1;           // it does not fit into so many tokens
  bool stopped = false;            // the asker wanted no more
  std::optional<Error> error;      // the first that counts
  Meaning meaning = Meaning::kTarget;

  bool Gone() const { return stopped || (request.gone && request.gone()); }
  bool Fits(const FailoverTarget& target) const { return too_long < 0 || target.context_tokens > too_long; }
  // What one target alone cannot do says less than what may pass.
  void Keep(Error failed, Meaning what) {
    if (!error || (meaning == Meaning::kTarget && what != Meaning::kTarget)) {
      error = std::move(failed);
      meaning = what;
    }
  }
};

namespace {

asio::awaitable<void> Sleep(asio::any_io_executor executor, Millis wait) {
  asio::steady_timer timer(executor, wait);
  co_await timer.async_wait(asio::use_awaitable);
}

Millis Since(SteadyTime start) { return std::chrono::duration_cast<Millis>(Steady::now() - start); }

}  // namespace

Failover::Failover(asio::any_io_executor executor, FailoverOptions options)
    : executor_(std::move(executor)), options_(std::move(options)) {
  if (!options_.random) options_.random = SystemRandom;
  for (FailoverTarget& target : options_.targets) {
    if (!target.health) target.health = std::make_shared<TargetHealth>();
  }
}

// Drawn by weight without putting back; those without a weight come last, in their order.
std::vector<size_t> Failover::Order() {
  std::vector<size_t> order(options_.targets.size());
  std::vector<double> keys(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
    const double weight = options_.targets[i].weight;
    // Efraimidis and Spirakis 2006: the largest u^(1/w) first is a weighted draw.
    keys[i] = weight > 0 ? std::pow(options_.random(), 1 / weight) : -1;
  }
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return keys[a] > keys[b]; });
  return order;
}

bool Failover::Elsewhere(const Run& run, SteadyTime now) const {
  return std::ranges::any_of(run.queue, [&](size_t index) {
    const FailoverTarget& target = options_.targets[index];
    return run.Fits(target) && !run.passed_over[index] && now >= target.health->not_before &&
           target.health->breaker.state(now) != Breaker::State::kOpen;
  });
}

void Failover::Tell(TargetHealth& health, Meaning meaning) const {
  const SteadyTime now = Steady::now();
  switch (meaning) {
    case Meaning::kPassing: case Meaning::kBusy: case Meaning::kSilent: return health.breaker.Failed(now);
    // It answered, and properly.
    case Meaning::kRefused: case Meaning::kBlocked: case Meaning::kTooLong: return health.breaker.Succeeded(now);
    case Meaning::kTarget: case Meaning::kGone: return health.breaker.Abandoned();
  }
}

asio::awaitable<Result<ChatResponse>> Failover::Attempt(Run& run, size_t index) {
  const FailoverTarget& target = options_.targets[index];
  ++run.attempts;
  ChatRequest request = run.request;
  if (target.model != "*") request.model = target.model;
  Millis patience = std::max(Millis(1), options_.start_within - Since(run.start));
  if (run.on_delta && Elsewhere(run, Steady::now())) {
    patience = std::min(patience, target.first_token.count() > 0 ? target.first_token : options_.first_token);
  }
  request.patience = std::min(patience, run.request.patience.value_or(Millis::max()));
  const size_t noted = request.attempts->size();
  const SteadyTime start = Steady::now();
  bool begun = false;
  Result<ChatResponse> answer;
  if (run.on_delta) {
    OnDelta hand_on = [&run, &begun, &target](const ChatDelta& delta) -> asio::awaitable<Status> {
      Status taken;
      if (!begun) {
        begun = true;
        ChatDelta first = delta;
        first.target = target.name;
        taken = co_await (*run.on_delta)(first);
      } else {
        taken = co_await (*run.on_delta)(delta);
      }
      if (!taken) run.stopped = true;
      co_return taken;
    };
    answer = co_await target.provider->ChatStream(std::move(request), hand_on);
  } else {
    answer = co_await target.provider->Chat(std::move(request));
  }
  std::vector<provider::Attempt>& notes = *run.request.attempts;
  if (notes.size() == noted) notes.push_back({.outcome = answer ? "ok" : CodeName(answer.error().code)});
  provider::Attempt& note = notes.back();
  note.target = target.name;
  note.ms = std::chrono::duration<double, std::milli>(Steady::now() - start).count();
  note.begun = begun;
  co_return answer;
}

asio::awaitable<Result<ChatResponse>> Failover::Ask(ChatRequest request, const OnDelta* on_delta) {
  Run run{.request = std::move(request), .on_delta = on_delta};
  if (!run.request.attempts) run.request.attempts = std::make_shared<std::vector<provider::Attempt>>();
  for (size_t index : Order()) run.queue.push_back(index);
  run.passed_over.resize(options_.targets.size());
  while (!run.queue.empty() && run.attempts < options_.max_attempts && Since(run.start) < options_.start_within) {
    const size_t index = run.queue.front();
    run.queue.pop_front();
    const FailoverTarget& target = options_.targets[index];
    TargetHealth& health = *target.health;
    if (!run.Fits(target)) continue;
    const SteadyTime now = Steady::now();
    const bool past_breaker = run.passed_over[index];
    if (!past_breaker && (now < health.not_before || !health.breaker.Admit(now))) {
      run.passed_over[index] = true;
      run.queue.push_back(index);
      continue;
    }
    if (now < health.not_before) {
      const auto wait = std::chrono::ceil<Millis>(health.not_before - now);
      if (run.waited + wait > options_.wait.budget) {
        Error busy{Code::kExhausted, fmt::format("{} asked to be left alone for {} s", target.name, wait.count() / 1000 + 1), ""};
        run.Keep(std::move(busy), Meaning::kBusy);
        continue;
      }
      run.waited += wait;
      co_await Sleep(executor_, wait);
    }
    health.retries.CountRequest();
    for (int tries = 1;; ++tries) {
      if (run.Gone()) {
        health.breaker.Abandoned();
        co_return Fail(Code::kCancelled, "nobody waits for the answer any more");
      }
      Result<ChatResponse> answer = co_await Attempt(run, index);
      if (answer) {
        health.breaker.Succeeded(Steady::now());
        answer->target = target.name;
        answer->attempts = run.attempts;
        co_return answer;
      }
      Error error = std::move(answer).error();
      const provider::Attempt note = run.request.attempts->back();
      const Meaning meaning = run.stopped ? Meaning::kGone : MeaningOf(note, error);
      Tell(health, meaning);
      if (meaning == Meaning::kGone || meaning == Meaning::kRefused || meaning == Meaning::kBlocked) {
        co_return std::unexpected(std::move(error));
      }
      if (note.begun && !(run.request.forget && run.request.forget())) {
        error.message += "; part of the answer was passed on, so it is not asked for again";
        co_return std::unexpected(std::move(error));
      }
      run.Keep(std::move(error), meaning);
      if (meaning == Meaning::kTooLong) run.too_long = std::max(run.too_long, target.context_tokens);
      if (note.retry_after) health.not_before = Steady::now() + *note.retry_after;
      // Whether this target is asked again. With others left: once, and not if that means waiting as long as it says.
      if (meaning != Meaning::kPassing && meaning != Meaning::kBusy) break;
      const bool others = Elsewhere(run, Steady::now());
      if (others && (note.begun || note.retry_after)) break;
      if (past_breaker || (!run.queue.empty() && tries >= options_.attempts_per_target)) break;
      if (run.attempts >= options_.max_attempts || !health.retries.Take()) break;
      const auto wait = RetryWait(options_.wait, tries + 1, run.waited, note.retry_after, options_.random());
      if (!wait || Since(run.start) + *wait >= options_.start_within) break;
      run.waited += *wait;
      co_await Sleep(executor_, *wait);
    }
  }
  Error error = run.error.value_or(Error{Code::kUnavailable, fmt::format("'{}' has no target that fits", options_.name), ""});
  if (run.attempts > 1) error.message += fmt::format("; gave up after {} attempts", run.attempts);
  co_return std::unexpected(std::move(error));
}

asio::awaitable<Result<ChatResponse>> Failover::Chat(ChatRequest request) {
  auto answer = co_await Ask(std::move(request), nullptr);
  co_return answer;
}

asio::awaitable<Result<ChatResponse>> Failover::ChatStream(ChatRequest request, OnDelta on_delta) {
  auto answer = co_await Ask(std::move(request), &on_delta);
  co_return answer;
}

asio::awaitable<Result<std::vector<std::string>>> Failover::Models() {
  Result<std::vector<std::string>> models = Fail(Code::kUnsupported, "'{}' has no targets", options_.name);
  for (const FailoverTarget& target : options_.targets) {
    models = co_await target.provider->Models();
    if (models) break;
  }
  co_return models;
}

asio::awaitable<Result<ChatResponse>> Failover::Post(std::string path, json::object body, ChatRequest about) {
  if (!about.attempts) about.attempts = std::make_shared<std::vector<provider::Attempt>>();
  Result<ChatResponse> answer = Fail(Code::kUnavailable, "no target of '{}' may be asked now", options_.name);
  for (size_t index : Order()) {
    const FailoverTarget& target = options_.targets[index];
    if (!target.health->breaker.Admit(Steady::now())) continue;
    if (target.model != "*") body["model"] = target.model;
    const size_t noted = about.attempts->size();
    answer = co_await target.provider->Post(path, body, about);
    if (about.attempts->size() > noted) about.attempts->back().target = target.name;
    if (answer) {
      target.health->breaker.Succeeded(Steady::now());
      answer->target = target.name;
      break;
    }
    const bool told = about.attempts->size() > noted;
    const Meaning meaning = told ? MeaningOf(about.attempts->back(), answer.error()) : MeaningOf(0, "", answer.error());
    Tell(*target.health, meaning);
    if (meaning == Meaning::kGone || meaning == Meaning::kRefused || meaning == Meaning::kBlocked) break;
  }
  co_return answer;
}

}  // namespace plumb::provider
