#include "model/train/policy_loss.h"

#include <algorithm>
#include <cmath>

namespace plumb::train {
namespace {

// −min(ratio·A, clip(ratio)·A) and its slope in log ratio.
struct Clipped {
  double loss = 0, slope = 0;
  bool low = false, high = false;
};
Clipped Clip(double ratio, double advantage, double low, double high, double delta) {
  const double bounded = std::clamp(ratio, 1 - low, 1 + high);
  const bool cut = delta > 0 && ratio > delta;
  const double first = (cut ? delta : ratio) * advantage, second = bounded * advantage;
  Clipped c;
  c.loss = -std::min(first, second);
  // Where both are equal (inside the clip) they are the same function.
  if (first <= second)
    c.slope = cut ? 0 : -ratio * advantage;
  else
    c.slope = bounded == ratio ? -ratio * advantage : 0;
  const double seen = cut ? delta : ratio;
  c.low = seen < 1 - low && advantage < 0;
  c.high = seen > 1 + high && advantage > 0;
  return c;
}

// Schulman's k3 of the reference and its slope in logp.
struct Kl {
  double value, slope;
};
Kl K3(double reference, double logp) {
  const double d = reference - logp;
  return {std::expm1(d) - d, 1 - std::exp(d)};
}

double TokenWeight(const PolicyOptions& o, const PolicyScale& scale, double length) {
  if (o.loss_type == "grpo") return 1 / (length * scale.sequences);
  if (o.loss_type == "dr_grpo") return 1 / (scale.sequences * scale.max_completion_length);
  return 1 / std::max(1.0, scale.tokens);
}

void AddGrpo(const PolicyOptions& o, const PolicyScale& scale, const Rollout& r, PolicySums& sums,
             std::span<double> slope) {
  const size_t n = r.logp.size();
  const double length = static_cast<double>(n), weight = TokenWeight(o, scale, length);
  double mean_log_ratio = 0;
  if (o.sequence_level) {
    for (size_t t = 0; t < n; ++t) mean_log_ratio += (r.logp[t] - r.old[t]) / length;
  }
  double low = 0, high = 0;
  double shared = 0;  // sequence level: slope in the mean log ratio, for all tokens
  for (size_t t = 0; t < n; ++t) {
    const double ratio = std::exp(o.sequence_level ? mean_log_ratio : r.logp[t] - r.old[t]);
    double loss, d_ratio = 0, d_logp = 0;  // slopes in the log ratio, and in this token alone
    if (o.loss_type == "cispo") {          // MiniMax 2025: the clipped ratio is a weight
      const double w = std::min(ratio, o.epsilon_high);
      loss = -w * r.advantage * r.logp[t];
      d_logp = -w * r.advantage;
      high += ratio > o.epsilon_high && r.advantage > 0;
    } else {
      const Clipped c = Clip(ratio, r.advantage, o.epsilon_low, o.epsilon_high, o.delta);
      loss = c.loss;
      d_ratio = c.slope;
      low += c.low;
      high += c.high;
    }
    loss *= r.correction;
    d_ratio *= r.correction;
    d_logp *= r.correction;
    if (!r.reference.empty()) {
      const Kl kl = K3(r.reference[t], r.logp[t]);
      const double by = o.bias_correction_kl ? ratio : 1;
      loss += o.beta * kl.value * by;
      d_logp += o.beta * kl.slope * by;
      if (o.bias_correction_kl) d_ratio += o.beta * kl.value * by;
      sums.kl += kl.value * by;
    }
    sums.loss += weight * loss;
    slope[t] += weight * d_logp;
    if (o.sequence_level)
      shared += weight * d_ratio / length;
    else
      slope[t] += weight * d_ratio;
  }
  if (o.sequence_level)
    for (size_t t = 0; t < n; ++t) slope[t] += shared;
  sums.tokens += length;
  // At the level of completions there is one ratio for all tokens.
  sums.units += o.sequence_level ? 1 : length;
  sums.low += o.sequence_level ? low / length : low;
  sums.high += o.sequence_level ? high / length : high;
  sums.least_low = std::min(sums.least_low, low / length);
  sums.most_high = std::max(sums.most_high, high / length);
}

void AddRloo(const PolicyOptions& o, const PolicyScale& scale, const Rollout& r, PolicySums& sums,
             std::span<double> slope) {
  double log_ratio = 0;
  for (size_t t = 0; t < r.logp.size(); ++t) log_ratio += r.logp[t] - r.old[t];
  const Clipped c = Clip(std::exp(log_ratio), r.advantage, o.epsilon_low, o.epsilon_high, o.delta);
  const double weight = r.correction / scale.sequences;
  sums.loss += weight * c.loss;
  for (double& s : slope) s += weight * c.slope;
  sums.tokens += static_cast<double>(r.logp.size());
  sums.units += 1;
  sums.low += c.low;
  sums.high += c.high;
  sums.least_low = std::min(sums.least_low, static_cast<double>(c.low));
  sums.most_high = std::max(sums.most_high, static_cast<double>(c.high));
}

void AddPpo(const PolicyOptions& o, const PolicyScale& scale, const Rollout& r, PolicySums& sums,
            std::span<double> slope, std::span<double> value_slope) {
  const double weight = 1 / std::max(1.0, scale.tokens);
  for (size_t t = 0; t < r.logp.size(); ++t) {
    const double log_ratio = r.logp[t] - r.old[t], ratio = std::exp(log_ratio);
    const Clipped c = Clip(ratio, r.advantages[t], o.epsilon_low, o.epsilon_high, 0);
    sums.loss += weight * r.correction * c.loss;
    sums.policy_loss += weight * r.correction * c.loss;
    slope[t] += weight * r.correction * c.slope;
    // The value may not leave its old self by more than the clip; the larger error counts.
    const double v = r.values[t], bounded = std::clamp(v, r.old_values[t] - o.cliprange_value,
                                                       r.old_values[t] + o.cliprange_value);
    const double error = v - r.returns[t], error_bounded = bounded - r.returns[t];
    const bool clipped = error_bounded * error_bounded > error * error;
    const double value_loss = 0.5 * std::max(error * error, error_bounded * error_bounded) * weight;
    sums.value_loss += value_loss;
    sums.loss += o.vf_coef * value_loss;
    if (!clipped)
      value_slope[t] += o.vf_coef * weight * error;
    else if (bounded == v)
      value_slope[t] += o.vf_coef * weight * error_bounded;
    sums.value_clipped += clipped;
    sums.approx_kl += 0.5 * log_ratio * log_ratio;
    sums.ratio += ratio;
    sums.ratio_square += ratio * ratio;
    sums.low += c.low;
    sums.high += c.high;
  }
  sums.tokens += static_cast<double>(r.logp.size());
  sums.units += static_cast<double>(r.logp.size());
}

}  // namespace

void AddRollout(const PolicyOptions& o, const PolicyScale& scale, const Rollout& r,
                PolicySums& sums, std::span<double> slope, std::span<double> value_slope) {
  std::ranges::fill(slope, 0.0);
  std::ranges::fill(value_slope, 0.0);
  if (r.logp.empty()) return;
  if (o.loss_type == "rloo")
    AddRloo(o, scale, r, sums, slope);
  else if (o.loss_type == "ppo")
    AddPpo(o, scale, r, sums, slope, value_slope);
  else
    AddGrpo(o, scale, r, sums, slope);
}

}  // namespace plumb::train
