// Distribution functions (Boost.Math underneath).
#pragma once

#include <cstdint>

namespace plumb::stats {

// P(Z ≤ z) and its inverse for the standard normal; quantiles of 0 and 1 are ∓infinity.
double NormalCdf(double z);
double NormalQuantile(double p);
// The z of a two-sided interval: 0.95 → 1.959964.
double TwoSidedZ(double confidence);
// The p-quantile of Beta(a, b), a and b > 0.
double BetaQuantile(double p, double a, double b);
// P(X ≤ k) and P(X = k) of Binomial(n, p).
double BinomialCdf(int64_t k, int64_t n, double p);
double BinomialPmf(int64_t k, int64_t n, double p);

}  // namespace plumb::stats
