// When to ask again, and after how long.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "base/core/clock.h"

namespace plumb::provider {

using Millis = std::chrono::milliseconds;

struct RetryPolicy {
  int max_attempts = 5;
  Millis first{500};     // doubled at each attempt, full jitter
  Millis longest{8'000};
  Millis budget{60'000};  // of waiting, all attempts together
};

// The wait before attempt `attempt` (2 is the first retry): what Retry-After asks for, else exponential backoff with
// `random` in [0, 1). nullopt: attempts or budget are spent.
std::optional<Millis> RetryWait(const RetryPolicy& policy, int attempt, Millis waited,
                                std::optional<Millis> retry_after, double random);

// A `random` for RetryWait, from the system.
double SystemRandom();

// Retry-After (seconds or an HTTP date), also retry-after-ms.
std::optional<Millis> ParseRetryAfter(std::string_view seconds_or_date, std::string_view milliseconds, Time now);

}  // namespace plumb::provider
