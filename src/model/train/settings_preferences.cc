// The keys of jobs that learn from preferences: dpo, orpo, cpo.
#include "model/train/settings_kinds.h"

namespace plumb::train {

void AddPreferenceKeys(SettingKeys& k, Job job) {
  using namespace keys;
  k["beta"] = Number(&S::beta, 1e-9, kNoLimit, kTrl, "how strongly it is held to the reference");
  k["label_smoothing"] = Number(&S::label_smoothing, 0, 0.5, kTrl,
                                "share of pairs taken to be labelled the wrong way round");
  k["loss_type"] = Texts(&S::loss_type, kTrl,
                         "one loss or several: sigmoid, robust, hinge, ipo, sigmoid_norm, "
                         "apo_zero, apo_down, exo_pair, "
                         "nca_pair, bco_pair, sppo_hard, discopop, kto, orpo, simpo, sft");
  k["loss_weights"] = Numbers(&S::loss_weights, kTrl, "a weight for each loss_type; none: 1 each");
  k["simpo_gamma"] =
      Number(&S::simpo_gamma, 0, kNoLimit, kTrl, "simpo: the margin asked for (CPOConfig)");
  if (job == Job::kOrpo || job == Job::kCpo) {
    k.erase("loss_weights");
    if (job == Job::kOrpo)
      for (const char* key : {"loss_type", "label_smoothing", "simpo_gamma"}) k.erase(key);
    else
      k["cpo_alpha"] =
          Number(&S::rpo_alpha, 0, kNoLimit, kTrl, "weight of the chosen answers' −log p");
    return;
  }
  k["rpo_alpha"] = Number(&S::rpo_alpha, 0, kNoLimit, kTrl,
                          "weight of the chosen answers' −log p (the loss \"sft\")");
  k["discopop_tau"] = Number(&S::discopop_tau, 1e-9, kNoLimit, kTrl,
                             "discopop: how sharply it turns from logistic to exponential");
  k["dpop_lambda"] = Number(
      &S::dpop_lambda, 0, kNoLimit, kOurs,
      "sigmoid: DPO-Positive (Pal et al. 2024): costs of making the chosen answer less likely");
  k["precompute_ref_log_probs"] = Truth(&S::precompute_ref_log_probs, kTrl,
                                        "compute the reference once, before the first step");
  k["reference"] =
      OneOf(&S::reference, {"initial", "base", "none"}, kOurs,
            "initial: the adapter it starts from (TRL's); base: the model without one; none");
  k["on_chosen_collapse"] = OneOf(&S::on_chosen_collapse, {"log", "stop"}, kOurs,
                                  "what happens when the chosen answers become less likely than "
                                  "chosen_collapse_threshold allows");
  k["chosen_collapse_threshold"] =
      Number(&S::chosen_collapse_threshold, 0, kNoLimit, kOurs,
             "nats a token below the reference, smoothed over ten steps");
}

}  // namespace plumb::train
