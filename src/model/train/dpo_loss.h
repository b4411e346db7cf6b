// Preference losses as functions of four log-probabilities (Rafailov et al. 2023, eq. 7, and its
// kin).
//
// Names and forms are TRL 1.16's: DPOTrainer's, and of the trainers that stand beside it `orpo`
// (ORPOTrainer's odds-ratio term), `simpo` (CPOTrainer's) and `kto` (KTOTrainer's loss, of both
// answers of a pair). `sigmoid` honours label_smoothing (conservative DPO, Mitchell 2023), as
// CPOTrainer's does.
#pragma once

#include "base/core/core.h"

namespace plumb::train {

// Sums over the answers' tokens, and how many tokens those are.
struct PairLogps {
  double chosen = 0, rejected = 0, ref_chosen = 0, ref_rejected = 0;
  double chosen_tokens = 1, rejected_tokens = 1;
  double kl = 0;  // kto: how far the policy is from the reference on mismatched pairs, 0 or more
};

struct DpoOptions {
  double beta = 0.1;
  double label_smoothing = 0;
  std::vector<std::string> loss_type = {"sigmoid"};
  std::vector<double> weights;  // empty: all 1
  double simpo_gamma = 0.5;     // simpo: the margin it asks for
  double discopop_tau = 0.05;   // discopop: how sharply it turns from logistic to exponential
  // DPO-Positive (Pal et al. 2024): within the sigmoid, lambda · max(0, ref_chosen − chosen) is
  // taken off the margin, so that it cannot be won by making the chosen answer less likely.
  double dpop_lambda = 0;
};

struct PairLoss {
  double loss = 0;
  double d_chosen = 0, d_rejected = 0;  // with respect to the policy's log-probabilities
};

// Error: kInvalid (an unknown loss_type, named with its neighbours; robust needs label_smoothing
// below 0.5, exo_pair above 0).
Status CheckDpoOptions(const DpoOptions& options);
// The options have been checked. "sft" is no function of a pair and adds nothing here.
PairLoss DpoLoss(const DpoOptions& options, const PairLogps& pair);
// No loss in the list looks at the reference.
bool ReferenceFree(const DpoOptions& options);
// The list asks for this loss.
bool Asks(const DpoOptions& options, std::string_view loss);
// Its weight in the list; 0 where it is not there.
double WeightOf(const DpoOptions& options, std::string_view loss);

// ORPO's log odds of chosen over rejected, from mean log-probabilities a token (Hong et al. 2024,
// eq. 4).
double LogOdds(const PairLogps& pair);

// KTO of one answer (Ethayarajh et al. 2024, eq. 7): value, and slope in its log-probability.
// `ratio`: log-probability over the reference's.
struct UnpairedLoss {
  double loss = 0, slope = 0;
};
UnpairedLoss KtoLoss(double beta, double ratio, double kl, bool desirable);
// The unpaired form of apo_zero: the same without the point of reference.
UnpairedLoss ApoZeroUnpairedLoss(double beta, double ratio, bool desirable);

}  // namespace plumb::train
