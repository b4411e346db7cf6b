#include "base/stats/rare_event.h"

#include <algorithm>
#include <cmath>

#include "base/stats/proportion.h"

namespace plumb::stats {

RareEvents ExtrapolateRate(int64_t k, int64_t n, double volume, double confidence) {
  RareEvents out;
  out.rate = ClopperPearson(k, n, confidence);
  const auto any = [&](double rate) { return rate >= 1 ? (volume > 0 ? 1.0 : 0.0) : -std::expm1(volume * std::log1p(-rate)); };
  out.expected = {out.rate.estimate * volume, out.rate.low * volume, out.rate.high * volume};
  out.at_least_one = {any(out.rate.estimate), any(out.rate.low), any(out.rate.high)};
  return out;
}

int64_t TrialsWithoutEvent(double rate, double confidence) {
  return static_cast<int64_t>(std::ceil(std::log1p(-confidence) / std::log1p(-rate) - 1e-12));
}

TailForecast ForecastWorst(const std::vector<double>& p, double queries, size_t top) {
  TailForecast out{kNan, kNan, kNan, 0, kNan};
  std::vector<double> psi;
  for (double one : p) psi.push_back(-std::log(-std::log(one)));
  std::sort(psi.rbegin(), psi.rend());
  out.top = std::min(top, psi.size());
  double mean_x = 0, mean_y = 0;
  const double n = static_cast<double>(out.top), all = static_cast<double>(psi.size());
  const auto y = [&](size_t i) { return std::log((static_cast<double>(i) + 1) / all); };
  for (size_t i = 0; i < out.top; ++i) {
    mean_x += psi[i] / n;
    mean_y += y(i) / n;
  }
  double xx = 0, xy = 0, yy = 0;
  size_t distinct = 0;
  for (size_t i = 0; i < out.top; ++i) {
    distinct += i == 0 || psi[i] != psi[i - 1];
    xx += (psi[i] - mean_x) * (psi[i] - mean_x);
    xy += (psi[i] - mean_x) * (y(i) - mean_y);
    yy += (y(i) - mean_y) * (y(i) - mean_y);
  }
  if (distinct < 3 || !(xx > 0) || xy >= 0) return out;
  out.slope = xy / xx;
  out.intercept = mean_y - out.slope * mean_x;
  out.r2 = xy * xy / (xx * yy);
  out.worst = std::exp(-std::exp((std::log(queries) + out.intercept) / out.slope));
  return out;
}

}  // namespace plumb::stats
