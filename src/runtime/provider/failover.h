// One name, several targets: a Provider made of Providers. docs/providers.md says when it asks whom.
//
//   FailoverOptions options;
//   options.name = "assistant";
//   options.targets = {{.name = "openai:gpt-5-mini", .model = "gpt-5-mini", .provider = openai},
//                      {.name = "mistral:mistral-large-latest", .model = "mistral-large-latest", .provider = mistral}};
//   Failover assistant(executor, std::move(options));
//   auto answer = co_await assistant.Chat(request);   // answer->target says who answered
//
// Ordered: the first target that may be asked is asked. Weighted: one is drawn by weight, the others follow as drawn.
// Its targets' own retries should be off (RetryPolicy::max_attempts = 1): there is one retry loop, and it is here.
//
// * The same target is asked again once, after a wait with jitter, for what passes (5xx, broken connections, garbage, a
//   rate limit without Retry-After); never after silence. Then the next target is.
// * A request that is wrong, or that a vendor's policy refuses, is answered with that refusal: nobody else is asked.
// * A stream that broke after a piece was handed on is never repeated, unless the asker has let nothing of it out
//   (ChatRequest::forget). A broken answer is never continued by another model: the guard's verdict is on one text by one
//   author. So no vendor is ever sent an unfinished assistant turn that the caller did not send.
// * What failed is not in the answer's usage; ChatRequest::attempts has all of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/provider/breaker.h"
#include "runtime/provider/failure.h"
#include "runtime/provider/provider.h"

namespace plumb::provider {

struct FailoverTarget {
  std::string name;                     // "openai:gpt-5-mini"
  std::string model;                    // as its provider names it; "*": as asked for
  std::shared_ptr<Provider> provider;
  double weight = 0;                    // its share of first attempts, where any target has one
  int64_t context_tokens = 0;           // what its model takes; 0: not said
  Millis first_token{0};                // of a stream, while another target is left; 0: FailoverOptions'
  std::shared_ptr<TargetHealth> health; // shared by all who ask it; empty: one of its own
};

struct FailoverOptions {
  std::string name;
  std::vector<FailoverTarget> targets;
  int max_attempts = 6;                 // of one request, all targets together
  int attempts_per_target = 2;
  RetryPolicy wait{.max_attempts = 100, .first = Millis(500), .longest = Millis(4'000), .budget = Millis(15'000)};
  Millis first_token{15'000};           // of a stream, while another target is left
  Millis start_within{100'000};         // from the request to the first sign of an answer, all attempts together
  std::function<double()> random;       // in [0, 1); empty: the system's
};

class Failover : public Provider {
 public:
  Failover(asio::any_io_executor executor, FailoverOptions options);

  const std::string& name() const override { return options_.name; }
  asio::any_io_executor executor() const override { return executor_; }
  asio::awaitable<Result<ChatResponse>> Chat(ChatRequest request) override;
  asio::awaitable<Result<ChatResponse>> ChatStream(ChatRequest request, OnDelta on_delta) override;
  // The first target's that can say.
  asio::awaitable<Result<std::vector<std::string>>> Models() override;
  // Asked of one target after the other, each with its own model; once each.
  asio::awaitable<Result<ChatResponse>> Post(std::string path, json::object body, ChatRequest about) override;

  const std::vector<FailoverTarget>& targets() const { return options_.targets; }

 private:
  struct Run;
  asio::awaitable<Result<ChatResponse>> Ask(ChatRequest request, const OnDelta* on_delta);
  asio::awaitable<Result<ChatResponse>> Attempt(Run& run, size_t index);
  std::vector<size_t> Order();
  bool Elsewhere(const Run& run, SteadyTime now) const;
  void Tell(TargetHealth& health, Meaning meaning) const;

  asio::any_io_executor executor_;
  FailoverOptions options_;
};

}  // namespace plumb::provider
