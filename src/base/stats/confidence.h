// How far stated confidences can be taken at their word: probabilities beside what came of them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/stats/interval.h"

namespace plumb::stats {

// One answer each: the probability it was given, whether it was right, and the cluster it belongs to.
struct Confidences {
  std::vector<double> confidence;
  std::vector<bool> right;
  std::vector<int64_t> cluster;
};

// A stretch of confidences, about as many answers in each; equal confidences are never in two.
struct ReliabilityBin {
  int64_t n = 0, right = 0;
  double low = 0, high = 0;  // the smallest and the largest confidence in it
  double confidence = 0;     // their mean
  Interval accuracy;         // Wilson, 95 %
};
std::vector<ReliabilityBin> ReliabilityBins(const Confidences& answers, int bins = 10);

// Mean squared distance of confidence from outcome (Brier 1950).
double BrierScore(const Confidences& answers);
// Expected calibration error over those bins: Σ n/N · |accuracy − confidence| (Naeini et al. 2015; bins of equal size: Nguyen &
// O'Connor 2015).
double ExpectedCalibrationError(const Confidences& answers, int bins = 10);

// What so many answers would show of a target whose confidences are exactly right: outcomes drawn from the confidences themselves
// (consistency resampling, Bröcker & Smith 2007). An ECE is never 0 by chance; only above `high` it says something.
struct EceUnderCalibration {
  double mean = 0;
  double high = 0;  // 95 %
  double p = 1;     // of an ECE at least as large as the one seen
};
EceUnderCalibration EceIfCalibrated(const Confidences& answers, int bins = 10, int draws = 999, uint64_t seed = 1);

// Brier, ECE and AUROC (does it know when it is right?), each with a bootstrap over clusters (95 %).
struct ConfidenceQuality {
  int64_t n = 0;
  double accuracy = kNan, confidence = kNan;  // means; the difference is over- (+) or underconfidence (−)
  Interval overconfidence, brier, ece, auroc;
  EceUnderCalibration null;
};
ConfidenceQuality QualityOf(const Confidences& answers, int bins = 10, int draws = 999, uint64_t seed = 1);

}  // namespace plumb::stats
