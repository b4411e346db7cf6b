#include "base/stats/sequential.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace plumb::stats {
namespace {

constexpr double kMostLost = 0.5;  // of the capital, by one bet

// The predictable plug-in bets: λ_t = sqrt(2 log(1/α) / (σ̂²_{t−1} t log(1 + t))), before they are cut.
std::vector<double> Bets(const std::vector<double>& x, double alpha) {
  std::vector<double> bets(x.size());
  double sum = 0, squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double t = static_cast<double>(i) + 1;
    const double variance = (0.25 + squares) / t;
    bets[i] = std::sqrt(2 * std::log(1 / alpha) / (variance * t * std::log(1 + t)));
    sum += x[i];
    const double mean = (0.5 + sum) / (t + 1);
    squares += (x[i] - mean) * (x[i] - mean);
  }
  return bets;
}

double LogGain(double x, double null, double bet, bool up) {
  const double room = up ? null : 1 - null;  // a bet upwards loses bet · null at most
  const double cut = room > 0 ? std::min(bet, kMostLost / room) : bet;
  return std::log1p((up ? 1 : -1) * cut * (x - null));
}

// The logarithm of the capital of one who bets on a larger (up) or smaller mean, after `n` observations.
double LogCapital(const std::vector<double>& x, const std::vector<double>& bets, size_t n, double null, bool up) {
  double log = 0;
  for (size_t i = 0; i < n; ++i) log += LogGain(x[i], null, bets[i], up);
  return log;
}

// The end of the interval between `outside`, a mean already refuted, and `inside`: the capital falls towards `inside`.
double Edge(const std::vector<double>& x, const std::vector<double>& bets, size_t n, double outside, double inside, bool up,
            double refuted) {
  if (LogCapital(x, bets, n, outside, up) < refuted) return outside;
  for (int i = 0; i < 45; ++i) {
    const double middle = (outside + inside) / 2;
    (LogCapital(x, bets, n, middle, up) >= refuted ? outside : inside) = middle;
  }
  return outside;
}

}  // namespace

std::vector<Interval> BettingConfidenceSequence(const std::vector<double>& x, double confidence, size_t every) {
  const double alpha = 1 - confidence, refuted = std::log(2 / alpha);
  const std::vector<double> bets = Bets(x, alpha / 2);
  std::vector<Interval> out;
  double low = 0, high = 1, sum = 0;
  for (size_t n = 1; n <= x.size(); ++n) {
    sum += x[n - 1];
    if (n % std::max<size_t>(every, 1) != 0 && n != x.size()) continue;
    const double mean = sum / static_cast<double>(n);
    low = Edge(x, bets, n, low, std::max(low, mean), true, refuted);
    high = Edge(x, bets, n, high, std::min(high, mean), false, refuted);
    out.push_back({mean, low, high});
  }
  return out;
}

EProcess BettingEValue(const std::vector<double>& x, double null, Side side, double alpha) {
  const std::vector<double> bets = Bets(x, side == Side::kTwoSided ? alpha / 2 : alpha);
  double up = 0, down = 0;
  EProcess out;
  for (size_t i = 0; i < x.size(); ++i) {
    up += LogGain(x[i], null, bets[i], true);
    down += LogGain(x[i], null, bets[i], false);
    // Two bettors with half of the capital each: their sum is a bet against both sides.
    out.value = side == Side::kGreater ? std::exp(up) : side == Side::kLess ? std::exp(down) : (std::exp(up) + std::exp(down)) / 2;
    out.largest = std::max(out.largest, out.value);
    if (out.crossed == 0 && out.value >= 1 / alpha) out.crossed = i + 1;
  }
  return out;
}

RateWatch::RateWatch(double bound, Side side) {
  // Parts of the largest bet that cannot lose everything: 1/bound upwards, 1/(1 − bound) downwards. A rate r above a small
  // bound is best bet on with about r − bound of it.
  constexpr std::array<double, kBets> kParts = {0.01, 0.03, 0.1, 0.3, 0.6};
  for (size_t b = 0; b < kBets; ++b) {
    const double gain = side == Side::kGreater ? kParts[b] * (1 - bound) / bound : -kParts[b];
    const double loss = side == Side::kGreater ? -kParts[b] : kParts[b] * bound / (1 - bound);
    if_hit_[b] = std::log1p(gain);
    if_not_[b] = std::log1p(loss);
    capital_[b] = -std::log(static_cast<double>(kBets));
  }
}

void RateWatch::Add(bool hit) {
  const auto& gained = hit ? if_hit_ : if_not_;
  for (size_t b = 0; b < kBets; ++b) capital_[b] += gained[b];
}

double RateWatch::LogValue() const {
  const double most = *std::max_element(capital_.begin(), capital_.end());
  double sum = 0;
  for (const double one : capital_) sum += std::exp(one - most);
  return most + std::log(sum);
}

}  // namespace plumb::stats
