#include "base/stats/paired.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/stats/distribution.h"
#include "base/stats/proportion.h"

namespace plumb::stats {
namespace {

// Tango 1998, eq. 4: the score statistic of H0: difference = delta, with the nuisance parameter q (the rate of pairs
// only the baseline passes) at its constrained maximum-likelihood value.
double TangoZ(const PairedCounts& counts, double delta) {
  const double n = static_cast<double>(counts.n());
  const double gained = static_cast<double>(counts.only_candidate), lost = static_cast<double>(counts.only_baseline);
  const double a = 2 * n;
  const double b = -gained - lost + (2 * n - gained + lost) * delta;
  const double c = -lost * delta * (1 - delta);
  const double q = (std::sqrt(std::max(0.0, b * b - 4 * a * c)) - b) / (2 * a);
  const double variance = n * (2 * q + delta * (1 - delta));
  const double distance = gained - lost - n * delta;
  if (variance <= 0) return distance == 0 ? 0 : std::copysign(std::numeric_limits<double>::infinity(), distance);
  return distance / std::sqrt(variance);
}

// TangoZ falls as delta rises: finds where it equals `z` in [low, high].
double SolveTango(const PairedCounts& counts, double z, double low, double high) {
  for (int i = 0; i < 200 && high - low > 1e-13; ++i) {
    const double middle = (low + high) / 2;
    (TangoZ(counts, middle) > z ? low : high) = middle;
  }
  return (low + high) / 2;
}

// The largest k with P(X ≤ k) ≤ alpha / 2 under Binomial(d, 1/2): reject at k or fewer; −1 where none is.
int64_t CriticalCount(int64_t d, double alpha) {
  const auto rejects = [&](int64_t k) { return k < 0 || 2 * BinomialCdf(k, d, 0.5) <= alpha; };
  // The normal approximation is a step or two away at most.
  int64_t k = static_cast<int64_t>(std::floor((static_cast<double>(d) - TwoSidedZ(1 - alpha) * std::sqrt(static_cast<double>(d)) - 1) / 2));
  k = std::clamp<int64_t>(k, -1, d / 2);
  while (!rejects(k)) --k;
  while (k < d / 2 && rejects(k + 1)) ++k;
  return k;
}

}  // namespace

double PairedCounts::difference() const {
  return n() == 0 ? kNan : static_cast<double>(only_candidate - only_baseline) / static_cast<double>(n());
}

PairedCounts CountPairs(const std::vector<bool>& baseline, const std::vector<bool>& candidate) {
  PairedCounts counts;
  for (size_t i = 0; i < std::min(baseline.size(), candidate.size()); ++i) {
    if (baseline[i]) ++(candidate[i] ? counts.both : counts.only_baseline);
    else ++(candidate[i] ? counts.only_candidate : counts.neither);
  }
  return counts;
}

double McNemarExact(const PairedCounts& counts) {
  const int64_t smaller = std::min(counts.only_baseline, counts.only_candidate);
  return std::min(1.0, 2 * BinomialCdf(smaller, counts.discordant(), 0.5));
}

double McNemarMidP(const PairedCounts& counts) {
  const int64_t d = counts.discordant(), smaller = std::min(counts.only_baseline, counts.only_candidate);
  if (d == 0) return 1;
  // Equal counts are the centre of the distribution, which the two tails share.
  if (2 * smaller == d) return 1 - 0.5 * BinomialPmf(smaller, d, 0.5);
  return 2 * BinomialCdf(smaller, d, 0.5) - BinomialPmf(smaller, d, 0.5);
}

Interval NewcombeDifference(const PairedCounts& counts, double confidence) {
  const int64_t n = counts.n();
  if (n == 0) return {kNan, -1, 1};
  const Interval one = Wilson(counts.both + counts.only_candidate, n, confidence);  // candidate
  const Interval two = Wilson(counts.both + counts.only_baseline, n, confidence);   // baseline
  const double a = counts.both, b = counts.only_candidate, c = counts.only_baseline, d = counts.neither;
  const double product = (a + b) * (c + d) * (a + c) * (b + d);
  double phi = 0;
  if (product > 0) {
    double numerator = a * d - b * c;
    if (numerator > 0) numerator = std::max(0.0, numerator - n / 2.0);  // continuity correction
    phi = numerator / std::sqrt(product);
  }
  const auto arm = [phi](double x, double y) { return std::sqrt(std::max(0.0, x * x - 2 * phi * x * y + y * y)); };
  const double difference = counts.difference();
  return {difference, std::max(-1.0, difference - arm(one.estimate - one.low, two.high - two.estimate)),
          std::min(1.0, difference + arm(one.high - one.estimate, two.estimate - two.low))};
}

Interval TangoDifference(const PairedCounts& counts, double confidence) {
  if (counts.n() == 0) return {kNan, -1, 1};
  const double z = TwoSidedZ(confidence), difference = counts.difference();
  return {difference, SolveTango(counts, z, -1, difference), SolveTango(counts, -z, difference, 1)};
}

NonInferiority TestNonInferiority(const PairedCounts& counts, double margin, double alpha) {
  NonInferiority out;
  out.difference = TangoDifference(counts, 1 - 2 * alpha);
  if (counts.n() == 0) return out;
  out.p = 1 - NormalCdf(TangoZ(counts, -margin));
  out.shown = out.p < alpha;
  out.worse = out.difference.high < -margin;
  return out;
}

double McNemarPower(int64_t n, double discordant, double difference, double alpha) {
  discordant = std::clamp(discordant, std::abs(difference), 1.0);
  if (n <= 0 || discordant <= 0) return 0;
  const double worse = (discordant + std::abs(difference)) / (2 * discordant);  // share of discordant pairs lost
  // Discordant counts more than eight standard deviations out carry no weight that matters.
  const double mean = n * discordant, deviation = std::sqrt(n * discordant * (1 - discordant));
  const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(mean - 8 * deviation - 8));
  const int64_t last = std::min<int64_t>(n, static_cast<int64_t>(mean + 8 * deviation + 8));
  double power = 0;
  for (int64_t d = first; d <= last; ++d) {
    const int64_t critical = CriticalCount(d, alpha);
    if (critical < 0) continue;
    const double rejected = BinomialCdf(critical, d, 1 - worse) + 1 - BinomialCdf(d - critical - 1, d, 1 - worse);
    power += BinomialPmf(d, n, discordant) * rejected;
  }
  return std::min(1.0, power);
}

double DetectableDifference(int64_t n, double discordant, double power, double alpha) {
  double low = 0, high = 1;
  if (McNemarPower(n, 1, 1, alpha) < power) return 1;
  for (int i = 0; i < 15; ++i) {  // to three thousandths of a point
    const double middle = (low + high) / 2;
    (McNemarPower(n, std::max(discordant, middle), middle, alpha) >= power ? high : low) = middle;
  }
  return high;
}

int64_t PairsNeeded(double discordant, double difference, double power, double alpha) {
  int64_t low = 1, high = 2;
  while (McNemarPower(high, discordant, difference, alpha) < power) {
    if (high > (int64_t{1} << 20)) return high;
    low = high;
    high *= 2;
  }
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (McNemarPower(middle, discordant, difference, alpha) >= power) high = middle;
    else low = middle + 1;
  }
  return low;
}

namespace {

// The fewest gained pairs with which `lost` lost ones still show non-inferiority; n − lost + 1 where none do.
int64_t FewestGained(int64_t n, int64_t lost, double margin, double z) {
  int64_t low = 0, high = n - lost + 1;
  while (low < high) {
    const int64_t gained = low + (high - low) / 2;
    // `both` carries all that agree: the statistic does not ask which way they do.
    if (TangoZ({n - lost - gained, lost, gained, 0}, -margin) > z) high = gained;
    else low = gained + 1;
  }
  return low;
}

}  // namespace

double NonInferiorityPower(int64_t n, double discordant, double difference, double margin, double alpha) {
  if (n <= 0) return 0;
  discordant = std::clamp(discordant, std::abs(difference), 1.0);
  const double lost_rate = (discordant - difference) / 2, gained_rate = (discordant + difference) / 2;
  const double z = NormalQuantile(1 - alpha), count = static_cast<double>(n);
  const double deviation = std::sqrt(count * lost_rate * (1 - lost_rate));
  const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(count * lost_rate - 8 * deviation - 8));
  const int64_t last = std::min<int64_t>(n, static_cast<int64_t>(count * lost_rate + 8 * deviation + 8));
  const double gained_else = lost_rate < 1 ? std::clamp(gained_rate / (1 - lost_rate), 0.0, 1.0) : 0;
  double power = 0;
  for (int64_t lost = first; lost <= last; ++lost) {
    const int64_t gained = FewestGained(n, lost, margin, z);
    if (gained > n - lost) continue;
    const double here = BinomialPmf(lost, n, lost_rate);
    power += here * (gained == 0 ? 1 : 1 - BinomialCdf(gained - 1, n - lost, gained_else));
  }
  return std::min(1.0, power);
}

int64_t PairsForNonInferiority(double discordant, double margin, double power, double alpha) {
  int64_t low = 1, high = 2;
  while (NonInferiorityPower(high, discordant, 0, margin, alpha) < power) {
    if (high > (int64_t{1} << 20)) return high;
    low = high;
    high *= 2;
  }
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (NonInferiorityPower(middle, discordant, 0, margin, alpha) >= power) high = middle;
    else low = middle + 1;
  }
  return low;
}

double CaughtDrop(int64_t n, double discordant, double margin, double power, double alpha) {
  double low = 0, high = 1;
  if (NonInferiorityPower(n, 1, -1, margin, alpha) > 1 - power) return 1;
  for (int i = 0; i < 20; ++i) {
    const double middle = (low + high) / 2;
    (NonInferiorityPower(n, std::max(discordant, middle), -middle, margin, alpha) <= 1 - power ? high : low) = middle;
  }
  return high;
}

}  // namespace plumb::stats
