// Thresholds with a finite-sample guarantee: exact binomial bounds and the order statistics that follow from them
// (Learn-then-Test, Angelopoulos et al. 2021, with one nested family of thresholds, so that no multiplicity is paid).
//
//   A detector alarms where score ≥ threshold. Positives are texts it must catch, ordinary texts those it must leave
//   alone; both are drawn as the traffic is, and neither trained the detector.
//
//   CatchThreshold t = ThresholdForCatch(positive_scores, 0.95, 0.95);
//   if (t.guaranteed)   // with confidence 0.95 at least 95 % of future positives score ≥ t.threshold
//
// Functions of their arguments; safe from any thread. Rates and confidences are in (0, 1).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace plumb::stats {

// Exact one-sided Clopper–Pearson bounds: with this confidence the rate behind `events` of `n` is at most (at least)
// the value returned. n == 0 gives 1 (0).
double BinomialUpperBound(size_t events, size_t n, double confidence);
double BinomialLowerBound(size_t events, size_t n, double confidence);

// The most errors among n that still prove an error rate ≤ `rate`; nothing where not even zero errors prove it.
std::optional<size_t> AllowedErrors(size_t n, double rate, double confidence);
// The least n at which zero errors prove it: 149 for 2 % at 95 %, 299 for 1 % at 95 %.
size_t SamplesForZeroErrors(double rate, double confidence);

struct CatchThreshold {
  double threshold = 0;     // the highest that holds the guarantee; where none does, the lowest positive score
  bool guaranteed = false;
  size_t n = 0;             // positives
  size_t missed = 0;        // of them below the threshold
  double lower_bound = 0;   // of the catch rate at this threshold
  size_t n_missing = 0;     // further positives without which nothing can be proved
};
CatchThreshold ThresholdForCatch(std::vector<double> positives, double catch_rate, double confidence);

// Several catches at once, so that with the stated confidence (the mildest, where they differ) every one that is guaranteed
// holds: Bonferroni over those claims that so many positives could prove at all. Which these are is told by the numbers of
// positives and never by their scores, so that choosing them costs nothing.
struct JointCatch {
  size_t claims = 0;                        // that could be proved
  std::vector<double> confidences;          // at which each is proved: 1 − (1 − its own)/claims
  std::vector<CatchThreshold> thresholds;
};
// `prove(c, confidence)` is the threshold of claim c by itself.
JointCatch ProveJointly(const std::vector<double>& confidences, const std::function<CatchThreshold(size_t claim, double confidence)>& prove);

struct AlarmThreshold {
  double shift = 0;         // clause c alarms where its score ≥ offsets[c] + shift
  bool guaranteed = false;
  size_t n = 0;             // ordinary texts
  size_t alarms = 0;        // of them with at least one alarm
  double upper_bound = 1;   // of the joint false-alarm rate at this threshold
  size_t n_missing = 0;
};
// One budget over all clauses together: `scores` is [n, clauses] row-major (in log-odds), `offsets` [clauses] says how
// the clauses share the budget and must come from other data than `scores`. Where n is too small for any guarantee,
// the empirical quantile of the budget is taken.
AlarmThreshold JointThresholdForAlarms(std::span<const double> scores, std::span<const double> offsets, double budget,
                                       double confidence);

}  // namespace plumb::stats
