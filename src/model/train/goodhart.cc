#include "model/train/goodhart.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace plumb::train {
namespace {

constexpr size_t kFewest = 8;  // prompts a test needs

// Paired differences, later − earlier, over the prompts known in both.
struct Paired {
  size_t n = 0;
  double mean = NAN, error = NAN;

  Paired(std::span<const double> earlier, std::span<const double> later) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < std::min(earlier.size(), later.size()); ++i) {
      const double d = later[i] - earlier[i];
      if (std::isnan(d)) continue;
      ++n;
      sum += d;
      squares += d * d;
    }
    if (n == 0) return;
    const double count = static_cast<double>(n);
    mean = sum / count;
    if (n > 1) error = std::sqrt(std::max(0.0, squares / count - mean * mean) / (count - 1));
  }
  // P(T ≤ t) under "no difference": small where it fell. Exact below 0.06; 1 where it is larger.
  double FallP() const {
    if (n < kFewest) return 1;
    if (!(error > 1e-12)) return mean < -1e-12 ? 0 : 1;
    if (mean > -1.5 * error) return 1;  // not worth the arithmetic
    return boost::math::cdf(Student(), mean / error);
  }
  double RiseP() const {
    if (n < kFewest) return 1;
    if (!(error > 1e-12)) return mean > 1e-12 ? 0 : 1;
    if (mean < 1.5 * error) return 1;
    return boost::math::cdf(boost::math::complement(Student(), mean / error));
  }
  stats::Interval Interval() const {
    if (n < 2) return {mean, NAN, NAN};
    const double half = boost::math::quantile(Student(), 0.975) * error;
    return {mean, mean - half, mean + half};
  }

 private:
  boost::math::students_t Student() const {
    return boost::math::students_t(static_cast<double>(n) - 1);
  }
};

json::array NumbersJson(const std::vector<double>& values) {
  json::array out;
  for (double v : values) out.push_back(std::isnan(v) ? json::value(nullptr) : json::value(v));
  return out;
}

Result<std::vector<double>> ReadNumbers(const json::object& o, const char* key) {
  std::vector<double> out;
  const json::array* list = FindArray(o, key);
  if (!list) return Fail(Code::kCorrupt, "\"{}\" must be a list", key);
  for (const auto& v : *list) {
    if (!v.is_null() && !v.is_number()) return Fail(Code::kCorrupt, "\"{}\" must be numbers", key);
    out.push_back(v.is_null() ? NAN : v.to_number<double>());
  }
  return out;
}

}  // namespace

json::object GoodhartEvent(const GoodhartCheck& check, const GoodhartReading& reading) {
  const auto number = [](double v) { return std::isfinite(v) ? json::value(v) : json::value(nullptr); };
  const auto change = [&](const stats::Interval& i) {
    return json::array{number(i.estimate), number(i.low), number(i.high)};
  };
  json::array alarms;
  for (const GoodhartAlarm& a : reading.alarms)
    alarms.push_back(json::object{{"kind", a.kind}, {"why", a.why}});
  return {{"event", "goodhart"},
          {"step", check.at},
          {"proxy", number(KnownMean(check.proxy))},
          {"proxy_change", change(reading.proxy)},
          {"gold", number(KnownMean(check.gold))},
          {"gold_change", change(reading.gold)},
          {"kl", check.kl},
          {"length", check.length},
          {"distinct_2", check.distinct_2},
          {"ended", check.ended},
          {"sway", number(KnownMean(check.sway))},
          {"agreement", check.sway.empty() ? json::value() : json::value(check.agreement)},
          {"mistaken", check.sway.empty() ? json::value() : json::value(check.mistaken)},
          {"predicted_peak_kl", reading.fit.bends ? json::value(reading.fit.peak_kl) : nullptr},
          {"alarms", std::move(alarms)}};
}

std::string WhyOf(const GoodhartReading& reading) {
  std::vector<std::string> parts;
  for (const GoodhartAlarm& a : reading.alarms) parts.push_back(a.why);
  return Join(parts, "; ");
}

double KnownMean(std::span<const double> values) {
  double sum = 0, n = 0;
  for (double v : values)
    if (!std::isnan(v)) sum += v, ++n;
  return n > 0 ? sum / n : NAN;
}

GaoFit FitGao(GaoCurve curve, std::span<const GaoPoint> points) {
  // Least squares on the two columns of the curve: gain = α · d + β · (−d log d) or (−d²).
  double aa = 0, ab = 0, bb = 0, ay = 0, by = 0, n = 0;
  const auto columns = [&](double kl) {
    const double d = std::sqrt(kl);
    return std::pair{d, curve == GaoCurve::kTrained ? -d * std::log(d) : -d * d};
  };
  for (const GaoPoint& p : points) {
    if (!(p.kl > 1e-9) || std::isnan(p.gain)) continue;
    const auto [a, b] = columns(p.kl);
    aa += a * a, ab += a * b, bb += b * b, ay += a * p.gain, by += b * p.gain, ++n;
  }
  GaoFit fit;
  const double determinant = aa * bb - ab * ab;
  if (n < 3 || !(determinant > 1e-9 * aa * bb)) return fit;
  fit.known = true;
  fit.alpha = (bb * ay - ab * by) / determinant;
  fit.beta = (aa * by - ab * ay) / determinant;
  double rest = 0;
  for (const GaoPoint& p : points) {
    if (!(p.kl > 1e-9) || std::isnan(p.gain)) continue;
    const auto [a, b] = columns(p.kl);
    const double off = p.gain - fit.alpha * a - fit.beta * b;
    rest += off * off;
  }
  if (fit.beta <= 0) return fit;
  const double error = std::sqrt(rest / (n - 2) * aa / determinant);
  fit.beta_low = fit.beta - boost::math::quantile(boost::math::students_t(n - 2), 0.975) * error;
  fit.bends = fit.beta_low > 0 && fit.alpha > 0;
  if (!fit.bends) return fit;
  const double peak = curve == GaoCurve::kTrained ? std::exp(fit.alpha / fit.beta - 1)
                                                  : fit.alpha / (2 * fit.beta);
  fit.peak_kl = peak * peak;
  const auto [a, b] = columns(fit.peak_kl);
  fit.peak_gain = fit.alpha * a + fit.beta * b;
  return fit;
}

void GoodhartMonitor::CompareWithEarlier(GoodhartReading& reading) const {
  const GoodhartCheck& now = checks_.back();
  const double planned = static_cast<double>(std::max<int64_t>(
      options_.planned, static_cast<int64_t>(checks_.size())));
  const double level = options_.alpha / (planned * (planned - 1) / 2);
  double least = 1;
  const GoodhartCheck* from = nullptr;
  for (size_t j = 0; j + 1 < checks_.size(); ++j) {
    const GoodhartCheck& then = checks_[j];
    const double p = Paired(then.gold, now.gold).FallP();
    if (p > level || p > least || Paired(then.proxy, now.proxy).RiseP() > 0.05) continue;
    if (p < least || !from) from = &then;
    least = p;
  }
  if (!from) return;
  const Paired gold(from->gold, now.gold), proxy(from->proxy, now.proxy);
  reading.alarms.push_back(
      {"gap", fmt::format("from {} to {} the reward that is learned from rose by {:.4g} while the "
                          "held-out one fell by {:.4g} (95 % interval {:.4g} to {:.4g}, {} prompts)",
                          from->at, now.at, proxy.mean, -gold.mean, -gold.Interval().high,
                          -gold.Interval().low, gold.n)});
}

void GoodhartMonitor::CompareOpinions(GoodhartReading& reading) const {
  const GoodhartCheck &first = checks_.front(), &now = checks_.back();
  if (checks_.size() < 2 || now.sway.empty() || now.agreement <= first.agreement) return;
  const double planned = static_cast<double>(std::max<int64_t>(options_.planned, static_cast<int64_t>(checks_.size())));
  const Paired sway(first.sway, now.sway);
  if (sway.RiseP() > options_.alpha / (planned - 1)) return;
  const auto interval = sway.Interval();
  reading.alarms.push_back(
      {"sycophancy", fmt::format("since {} a stated wrong opinion has come to sway the answer by {:.4g} nats more (95 % interval {:.4g} to {:.4g}, {} "
                                 "questions), and {:.0f} % of such opinions are agreed with, {:.0f} % before",
                                 first.at, sway.mean, interval.low, interval.high, sway.n, 100 * now.agreement, 100 * first.agreement)});
}

void GoodhartMonitor::Fit(GoodhartReading& reading) const {
  std::vector<GaoPoint> points;
  for (size_t i = 1; i < checks_.size(); ++i)
    points.push_back({checks_[i].kl, Paired(checks_[0].gold, checks_[i].gold).mean});
  reading.fit = FitGao(options_.curve, points);
  const double kl = checks_.back().kl;
  if (options_.stop_at_peak && points.size() >= 5 && reading.fit.bends && kl >= reading.fit.peak_kl)
    reading.alarms.push_back(
        {"peak", fmt::format("the KL of {:.4g} nats a completion passed {:.4g}, where the fitted curve "
                             "has its peak",
                             kl, reading.fit.peak_kl)});
}

GoodhartReading GoodhartMonitor::Add(GoodhartCheck check) {
  checks_.push_back(std::move(check));
  const GoodhartCheck &first = checks_.front(), &now = checks_.back();
  GoodhartReading reading;
  reading.proxy = Paired(first.proxy, now.proxy).Interval();
  reading.gold = Paired(first.gold, now.gold).Interval();
  CompareWithEarlier(reading);
  CompareOpinions(reading);
  if (options_.kl_budget > 0 && now.kl > options_.kl_budget)
    reading.alarms.push_back({"kl", fmt::format("the KL of {:.4g} nats a completion passed kl_budget {:g}",
                                                now.kl, options_.kl_budget)});
  Fit(reading);
  if (!reading.alarms.empty()) return reading;
  const auto mean = [&](int64_t i) { return KnownMean(checks_[static_cast<size_t>(i)].gold); };
  const auto last = static_cast<int64_t>(checks_.size()) - 1;
  if (best_ < 0 || !(mean(last) < mean(best_))) best_ = last;
  return reading;
}

json::object GoodhartMonitor::State() const {
  json::array list;
  for (const GoodhartCheck& c : checks_) {
    json::object one{{"at", c.at},
                     {"kl", c.kl},
                     {"length", c.length},
                     {"distinct_2", c.distinct_2},
                     {"ended", c.ended},
                     {"proxy", NumbersJson(c.proxy)},
                     {"gold", NumbersJson(c.gold)}};
    if (!c.sway.empty()) {
      one["sway"] = NumbersJson(c.sway);
      one["agreement"] = c.agreement;
      one["mistaken"] = c.mistaken;
    }
    list.push_back(std::move(one));
  }
  return {{"best", best_}, {"checks", std::move(list)}};
}

Status GoodhartMonitor::SetState(const json::object& state) {
  checks_.clear();
  PLUMB_TRY(best_, GetIntOr(state, "best", -1));
  const json::array* list = FindArray(state, "checks");
  if (!list) return {};
  for (const auto& item : *list) {
    const json::object* o = item.if_object();
    if (!o) return Fail(Code::kCorrupt, "a check must be an object");
    GoodhartCheck c;
    PLUMB_TRY(c.at, GetInt(*o, "at"));
    PLUMB_TRY(c.kl, GetNumber(*o, "kl"));
    PLUMB_TRY(c.length, GetNumber(*o, "length"));
    PLUMB_TRY(c.distinct_2, GetNumber(*o, "distinct_2"));
    PLUMB_TRY(c.ended, GetNumber(*o, "ended"));
    PLUMB_TRY(c.proxy, ReadNumbers(*o, "proxy"));
    PLUMB_TRY(c.gold, ReadNumbers(*o, "gold"));
    if (o->contains("sway")) {
      PLUMB_TRY(c.sway, ReadNumbers(*o, "sway"));
      PLUMB_TRY(c.agreement, GetNumber(*o, "agreement"));
      PLUMB_TRY(c.mistaken, GetNumber(*o, "mistaken"));
    }
    checks_.push_back(std::move(c));
  }
  return {};
}

double BestOfNMean(std::span<const double> proxy, std::span<const double> value, size_t n) {
  std::vector<size_t> order;
  for (size_t i = 0; i < proxy.size(); ++i)
    if (!std::isnan(proxy[i]) && !std::isnan(value[i])) order.push_back(i);
  const size_t all = order.size();
  if (n == 0 || all < n) return NAN;
  std::ranges::sort(order, [&](size_t a, size_t b) { return proxy[a] < proxy[b]; });
  // The completion of rank r (from 1) is the best of n with probability C(r−1, n−1) / C(all, n).
  const auto log_choose = [](double a, double b) {
    return std::lgamma(a + 1) - std::lgamma(b + 1) - std::lgamma(a - b + 1);
  };
  const double whole = log_choose(static_cast<double>(all), static_cast<double>(n));
  double mean = 0;
  for (size_t begin = 0; begin < all;) {
    size_t end = begin;
    double weight = 0, sum = 0;
    while (end < all && proxy[order[end]] == proxy[order[begin]]) {
      if (end + 1 >= n)
        weight += std::exp(log_choose(static_cast<double>(end), static_cast<double>(n - 1)) - whole);
      sum += value[order[end++]];
    }
    mean += weight * sum / static_cast<double>(end - begin);
    begin = end;
  }
  return mean;
}

}  // namespace plumb::train
