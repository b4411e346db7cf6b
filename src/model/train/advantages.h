// From rewards to advantages: groups (GRPO, RLOO), time (GAE), and the pieces of PPO around them.
// Plain numbers; NaN is a reward that nobody could give.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace plumb::train {

struct Mean {
  double mean = 0, deviation = 0;
  size_t count = 0;
};
// Of those that are numbers, with Bessel's correction; deviation 0 for fewer than two.
Mean MeanOf(std::span<const double> values);

struct GroupAdvantages {
  std::vector<double> advantages;   // 0 where there was no reward
  double fraction_zero_deviation = 0;  // of the groups: all their rewards alike, nothing to learn
};
// Shao et al. 2024: each reward less its group's mean, over (deviation + 1e-4). Groups are `size`
// neighbours. scale: "group", "batch" (Hu et al. 2025) or "none" (Liu et al. 2025).
GroupAdvantages RelativeToGroup(std::span<const double> rewards, size_t size,
                                const std::string& scale);
// Ahmadian et al. 2024: each reward less the mean of the others of its group; `normalise` over all.
GroupAdvantages LeaveOneOut(std::span<const double> rewards, size_t size, bool normalise);

// Schulman et al. 2016: advantages of one episode's steps; the state after the last one has no value.
std::vector<double> Gae(std::span<const double> rewards, std::span<const double> values,
                        double gamma, double lam);
// (x − mean) / √(variance + 1e-8), variance with Bessel's correction; without `shift` the mean stays.
void Whiten(std::vector<double>& values, bool shift);

// Ziegler et al. 2019: steers the weight of the KL so that it comes to `target` nats a completion.
class KlController {
 public:
  KlController(double coefficient, double target, double horizon)
      : coefficient_(coefficient), target_(target), horizon_(horizon) {}
  double coefficient() const { return coefficient_; }
  void Set(double coefficient) { coefficient_ = coefficient; }
  // After `completions` more of mean KL `kl`. A target of 0: the coefficient stays.
  void Update(double kl, double completions);

 private:
  double coefficient_, target_, horizon_;
};

// What one token's reward is in PPO: the KL penalty at every token, the score at the last.
std::vector<double> PenalisedRewards(std::span<const double> logp, std::span<const double> reference,
                                     double kl_coefficient, bool k3, double score);

}  // namespace plumb::train
