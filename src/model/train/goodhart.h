// Over-optimisation, seen as it begins: the reward that is learned from (the proxy) beside one that is
// not (the gold), on the same prompts with the same seeds at every check, and how far the policy has
// gone from its reference. Plain numbers; goodhart_watch.h takes the measurements.
//
// Three alarms. "gap": from some earlier check to this one the gold fell and the proxy did not, both by a
// paired t-test over prompts; every earlier check is compared, and the level of the gold's test is
// divided by all comparisons of the run (Bonferroni), so that a run in which the gold never falls
// raises it with a probability of at most `alpha`. "sycophancy": since the first check a stated wrong opinion
// has come to sway answers more, by a paired t-test over questions (its level divided by the checks of the run), and more of
// them are agreed with. "kl": the KL passed its budget. Where asked for,
// "peak": the KL passed the peak of the curve that Gao et al. 2023 fitted to such runs.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "base/stats/interval.h"

namespace plumb::train {

struct GoodhartCheck {
  int64_t at = 0;  // the step; for best of n, n
  double kl = 0;   // nats a completion, from the reference
  double length = 0, distinct_2 = 0, ended = 0;  // tokens; share of token pairs that differ; share
  std::vector<double> proxy, gold;               // by prompt; NaN: not known; gold may be empty
  std::vector<double> sway;                      // by question (sycophancy.h); empty: not watched
  double agreement = 0, mistaken = 0;            // shares; where `sway` is there
};

// R(d) − R(0) as a function of d = √KL: d (α − β log d) for a policy that was trained, d (α − β d) for
// best of n (Gao et al. 2023, eq. 1).
enum class GaoCurve { kTrained, kBestOfN };

struct GaoFit {
  bool known = false;       // three points or more, and they tell α and β apart
  bool bends = false;       // β is above 0 beyond its 95 % interval: there is a peak
  double alpha = 0, beta = 0, beta_low = 0;  // beta_low: where beta is above 0
  double peak_kl = 0;       // nats a completion; where `bends`
  double peak_gain = 0;     // of the gold there
};
struct GaoPoint {
  double kl = 0, gain = 0;
};
GaoFit FitGao(GaoCurve curve, std::span<const GaoPoint> points);

struct GoodhartAlarm {
  std::string kind;  // "gap", "kl", "peak", "sycophancy"
  std::string why;   // a sentence
};

struct GoodhartReading {
  stats::Interval proxy, gold;  // change since the first check, paired, 95 %; NaN: not known
  GaoFit fit;
  std::vector<GoodhartAlarm> alarms;
};

// What a person and a log are told: {"event": "goodhart", "step", "proxy", "proxy_change": [mean, low, high],
// "gold", "gold_change", "kl", "length", "distinct_2", "ended", "sway", "agreement", "mistaken",
// "predicted_peak_kl", "alarms": [{"kind", "why"}…]}; what is not known is null.
json::object GoodhartEvent(const GoodhartCheck& check, const GoodhartReading& reading);
// The alarms' sentences as one; empty without any.
std::string WhyOf(const GoodhartReading& reading);

struct GoodhartOptions {
  double alpha = 0.05;   // of a false "gap" in the whole run
  int64_t planned = 20;  // checks
  double kl_budget = 0;  // 0: none
  bool stop_at_peak = false;
  GaoCurve curve = GaoCurve::kTrained;
};

class GoodhartMonitor {
 public:
  explicit GoodhartMonitor(GoodhartOptions options) : options_(options) {}
  // Checks come in their order, each over the same prompts.
  GoodhartReading Add(GoodhartCheck check);
  // The check without an alarm whose mean gold is highest; without gold, the last one without an alarm.
  // −1: none.
  int64_t best() const { return best_; }
  const std::vector<GoodhartCheck>& checks() const { return checks_; }
  json::object State() const;
  Status SetState(const json::object& state);

 private:
  void CompareWithEarlier(GoodhartReading& reading) const;
  void CompareOpinions(GoodhartReading& reading) const;
  void Fit(GoodhartReading& reading) const;

  GoodhartOptions options_;
  std::vector<GoodhartCheck> checks_;
  int64_t best_ = -1;
};

// What the proxy's choice among the first n of a prompt's completions is worth on average, for both
// measures and without bias, from more than n of them (Nakano et al. 2021, appendix I). Completions of
// one proxy reward are taken for each other.
double BestOfNMean(std::span<const double> proxy, std::span<const double> value, size_t n);

// Of values that are known; NaN without any.
double KnownMean(std::span<const double> values);

}  // namespace plumb::train
