// The losses of learning from rewards, as functions of each token's log-probability: value, slope and
// what is logged. GRPO and its kin and RLOO as TRL 1.16 has them, PPO as its PPOTrainer had.
// Plain numbers; the tokens of a completion stand one after another.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace plumb::train {

// One completion's tokens.
struct Rollout {
  std::span<const double> logp;        // of the policy now
  std::span<const double> old;         // of the policy that acted, or of the sampler
  std::span<const double> reference;   // empty: no KL
  double advantage = 0;                // GRPO, RLOO
  double correction = 1;               // trainer over sampler probability
  std::span<const double> advantages;  // PPO: by token
  std::span<const double> values, old_values, returns;  // PPO
};

struct PolicyOptions {
  std::string loss_type = "dapo";  // "grpo", "bnpo", "dr_grpo", "dapo", "cispo"; "rloo", "ppo"
  double epsilon_low = 0.2, epsilon_high = 0.2;
  double delta = 0;  // 0: no second clip
  double beta = 0;
  bool sequence_level = false;  // the ratio is of whole completions (Zheng et al. 2025)
  bool bias_correction_kl = true;
  double cliprange_value = 0.2, vf_coef = 0.1;
};

// What sums are divided by; how depends on loss_type.
struct PolicyScale {
  double sequences = 1;              // of the step
  double tokens = 1;                 // bnpo: of the step; dapo, cispo: of the generation's share
  double max_completion_length = 1;  // dr_grpo
};

struct PolicySums {
  double loss = 0;
  double tokens = 0, kl = 0, low = 0, high = 0;  // by token; low, high: clipped
  double units = 0;                              // what low and high are counted in
  double least_low = 1e300, most_high = -1e300;  // by completion
  // PPO.
  double policy_loss = 0, value_loss = 0, value_clipped = 0, approx_kl = 0, ratio = 0,
         ratio_square = 0;
};

// Adds a completion to the loss and to `sums`, and sets slope[t] = dLoss/dlogp[t] (and, for PPO,
// value_slope[t] = dLoss/dvalue[t]). Completions without tokens add nothing.
void AddRollout(const PolicyOptions& options, const PolicyScale& scale, const Rollout& rollout,
                PolicySums& sums, std::span<double> slope, std::span<double> value_slope = {});

}  // namespace plumb::train
