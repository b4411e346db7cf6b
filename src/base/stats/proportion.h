// A rate from k successes in n independent trials.
#pragma once

#include <cstdint>

#include "base/stats/interval.h"

namespace plumb::stats {

// Wilson's score interval (Wilson 1927): good coverage at any n, never leaves [0, 1].
Interval Wilson(int64_t k, int64_t n, double confidence = 0.95);

// Clopper–Pearson's exact interval (1934): coverage at least `confidence`, for statements that must hold.
Interval ClopperPearson(int64_t k, int64_t n, double confidence = 0.95);

// The one-sided exact bound: with this confidence the rate is at least / at most this.
double ExactLowerBound(int64_t k, int64_t n, double confidence = 0.95);
double ExactUpperBound(int64_t k, int64_t n, double confidence = 0.95);

}  // namespace plumb::stats
