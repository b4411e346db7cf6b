// How well a score orders positives above negatives.
#pragma once

#include <vector>

namespace plumb::stats {

// Area under the ROC curve: P(a positive scores above a negative), ties half. NaN where one class is missing.
double Auroc(const std::vector<double>& score, const std::vector<bool>& positive);
// Average precision, Σ (R_n − R_{n−1}) P_n over distinct thresholds (as scikit-learn's). NaN without positives.
double Auprc(const std::vector<double>& score, const std::vector<bool>& positive);

}  // namespace plumb::stats
