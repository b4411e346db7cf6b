// Rates seen through an imperfect judge.
#pragma once

#include <cstdint>
#include <vector>

#include "base/stats/interval.h"

namespace plumb::stats {

// How a judge did on human-labelled text: of `positives` truly positive it called `hits` positive, of `negatives`
// truly negative it called `rejections` negative.
struct JudgeCalibration {
  int64_t hits = 0, positives = 0;
  int64_t rejections = 0, negatives = 0;
  double sensitivity() const;
  double specificity() const;
};

// The true rate behind k of n called positive: (p + Sp − 1)/(Se + Sp − 1), with Lang & Reiczigel's interval (2014),
// which carries the uncertainty of Se and Sp. Both are clamped to [0, 1]; [0, 1] where the judge is no better than
// chance or there is no calibration.
Interval RoganGladen(int64_t k, int64_t n, const JudgeCalibration& judge, double confidence = 0.95);

// Prediction-powered mean (Angelopoulos et al. 2023, 2024): `label[i]` is the human's value where the judge said
// `judged[i]`; `unlabelled` are the judge's values where nobody looked. `tuned` weighs the judge by how well it
// predicts (PPI++), so that a bad judge never widens the interval.
Interval PpiMean(const std::vector<double>& label, const std::vector<double>& judged,
                 const std::vector<double>& unlabelled, double confidence = 0.95, bool tuned = true);

}  // namespace plumb::stats
