// Direct preference optimisation as a function of four log-probabilities (Rafailov et al. 2023, eq.
// 7) and its kin.
//
// Names and forms are TRL 1.16's, except that `sigmoid` honours label_smoothing (conservative DPO,
// Mitchell 2023).
#pragma once

#include "base/core/core.h"

namespace plumb::train {

// Sums over the answers' tokens, and how many tokens those are.
struct PairLogps {
  double chosen = 0, rejected = 0, ref_chosen = 0, ref_rejected = 0;
  double chosen_tokens = 1, rejected_tokens = 1;
};

struct DpoOptions {
  double beta = 0.1;
  double label_smoothing = 0;
  std::vector<std::string> loss_type = {
      "sigmoid"};               // sigmoid, robust, hinge, ipo, apo_zero, sigmoid_norm
  std::vector<double> weights;  // empty: all 1
};

struct PairLoss {
  double loss = 0;
  double d_chosen = 0, d_rejected = 0;  // with respect to the policy's log-probabilities
};

// Error: kInvalid (an unknown loss_type, named with its neighbours; robust needs label_smoothing
// below 0.5).
Status CheckDpoOptions(const DpoOptions& options);
// The options have been checked.
PairLoss DpoLoss(const DpoOptions& options, const PairLogps& pair);

}  // namespace plumb::train
