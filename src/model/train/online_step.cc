// What one step learns from a generation.
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "model/train/online_pass.h"
#include "model/train/random.h"
#include "model/train/sft.h"

namespace plumb::train {

std::vector<std::vector<uint32_t>> OnlineObjective::Cut(const std::vector<uint32_t>& some) const {
  return CutByTokens(
      some, [&](uint32_t i) -> const auto& { return episodes_[i].ids; },
      settings_.micro_batch_tokens);
}

OnlineObjective::Pass OnlineObjective::Build(const std::vector<uint32_t>& some) const {
  Pass pass;
  std::vector<std::vector<int32_t>> sequences;
  for (uint32_t i : some) sequences.push_back(episodes_[i].ids);
  pass.batch = std::make_unique<TokenTrie>(sequences);
  for (size_t s = 0; s < some.size(); ++s) {
    const Episode& e = episodes_[some[s]];
    for (size_t t = e.begin; t < e.begin + e.Tokens(); ++t) {
      pass.targets.node.push_back(pass.batch->Node(s, t - 1));
      pass.targets.target.push_back(e.ids[t]);
      pass.owner.push_back(some[s]);
    }
  }
  return pass;
}

// The completions of this step: all, or the next part of them in an order that is drawn once a
// generation (for PPO, once a time through it).
std::vector<uint32_t> OnlineObjective::Slice(uint64_t key) const {
  const int64_t parts = job_ == Job::kPpo ? settings_.num_mini_batches
                                          : settings_.GenerationRows() / settings_.BatchRows();
  std::vector<uint32_t> order(episodes_.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  if (settings_.shuffle && (parts > 1 || job_ == Job::kPpo)) {
    const int64_t time = job_ == Job::kPpo ? part_ / parts : 0;
    order = Permutation(static_cast<uint32_t>(order.size()), key, static_cast<uint64_t>(time));
  }
  const size_t size = order.size() / static_cast<size_t>(parts),
               begin = static_cast<size_t>(part_ % parts) * size;
  return {order.begin() + static_cast<long>(begin),
          order.begin() + static_cast<long>(begin + size)};
}

Result<BatchReport> OnlineObjective::Accumulate(const std::vector<uint32_t>&, uint64_t key) {
  if (!stop_.empty()) {
    BatchReport report;
    report.metrics = std::move(metrics_);
    report.stop = stop_;
    return report;
  }
  const std::vector<uint32_t> some = Slice(generation_key_);
  PolicyScale scale{.sequences = static_cast<double>(some.size()),
                    .tokens = 0,
                    .max_completion_length = static_cast<double>(settings_.max_completion_length)};
  const bool generation = options_.loss_type == "dapo" || options_.loss_type == "cispo";
  for (uint32_t i = 0; i < episodes_.size(); ++i)
    if (generation || std::ranges::find(some, i) != some.end())
      scale.tokens += static_cast<double>(episodes_[i].Tokens());
  if (generation)
    scale.tokens *= static_cast<double>(some.size()) / static_cast<double>(episodes_.size());
  BatchReport report;
  PolicySums sums;
  double entropy = 0;
  uint64_t part = 0;
  const bool first = part_ == 0, known = !episodes_.empty() && !episodes_[some[0]].old.empty();
  for (const auto& micro : Cut(some)) Learn(micro, scale, key + (++part << 40), sums, entropy);
  ++part_;
  if (first) {
    if (!known) SamplerMetrics();
    report.metrics = std::move(metrics_);
    for (const Episode& e : episodes_) report.tokens += static_cast<int64_t>(e.ids.size());
  }
  report.loss = sums.loss;
  StepMetrics(sums, entropy, report);
  return report;
}

void OnlineObjective::Learn(const std::vector<uint32_t>& some, const PolicyScale& scale,
                            uint64_t key, PolicySums& sums, double& entropy) {
  Pass pass = Build(some);
  if (pass.targets.size() == 0) return;
  const bool ppo = job_ == Job::kPpo;
  const at::Tensor x = parts_.trunk.Forward(*pass.batch, {.keep = true, .drop_key = key});
  pass.targets.coef.assign(pass.targets.size(), 1);
  at::Tensor gradients;  // of each token's −log p
  const auto stats = head_.RunRows(x, pass.targets, &gradients);
  ScoreHead::Pass values;
  if (ppo) values = parts_.value->Forward(x, pass.targets.node, parts_.parameters);

  const size_t n = stats.size();
  std::vector<double> logp(n), slope(n), value_slope(ppo ? n : 0);
  for (size_t i = 0; i < n; ++i) {
    logp[i] = stats[i].logp;
    entropy += stats[i].entropy;
  }
  for (size_t begin = 0; begin < n;) {
    Episode& e = episodes_[pass.owner[begin]];
    const size_t length = e.Tokens();
    const std::span<const double> now(logp.data() + begin, length);
    if (e.old.empty()) {
      e.old.assign(now.begin(), now.end());
      Correct(e);
    }
    Rollout r{.logp = now,
              .old = e.old,
              .reference = options_.beta != 0 ? std::span<const double>(e.reference)
                                              : std::span<const double>(),
              .advantage = e.advantage,
              .correction = e.correction};
    std::span<double> value_part;
    if (ppo) {
      r.advantages = e.advantages;
      r.old_values = e.values;
      r.returns = e.returns;
      r.values = {values.scores.data() + begin, length};
      value_part = {value_slope.data() + begin, length};
    }
    AddRollout(options_, scale, r, sums, {slope.data() + begin, length}, value_part);
    begin += length;
  }
  for (size_t i = 0; i < n; ++i) gradients[static_cast<int64_t>(i)].mul_(-slope[i]);
  at::Tensor dx = at::zeros_like(x);
  Head::AddRows(gradients, pass.targets.node, dx);
  if (ppo) parts_.value->Backward(values, value_slope, parts_.parameters, dx);
  parts_.trunk.Backward(*pass.batch, dx);
}

void OnlineObjective::StepMetrics(const PolicySums& sums, double entropy,
                                  BatchReport& report) const {
  const double tokens = std::max(1.0, sums.tokens), units = std::max(1.0, sums.units);
  auto& m = report.metrics;
  if (job_ == Job::kPpo) {
    const double ratio = sums.ratio / tokens;
    m.insert(m.end(), {{"policy/approxkl_avg", sums.approx_kl / tokens},
                       {"policy/clipfrac_avg", (sums.low + sums.high) / tokens},
                       {"policy/entropy_avg", entropy / tokens},
                       {"loss/policy_avg", sums.policy_loss},
                       {"loss/value_avg", sums.value_loss},
                       {"val/clipfrac_avg", sums.value_clipped / tokens},
                       {"val/ratio", ratio},
                       {"val/ratio_var", sums.ratio_square / tokens - ratio * ratio}});
    return;
  }
  m.emplace_back("entropy", entropy / tokens);
  if (options_.beta != 0) m.emplace_back("kl", sums.kl / tokens);
  if (options_.loss_type == "cispo") {
    m.emplace_back("cispo_clip_ratio", sums.high / units);
    return;
  }
  m.insert(m.end(), {{"clip_ratio/low_mean", sums.low / units},
                     {"clip_ratio/low_min", sums.units > 0 ? sums.least_low : 0},
                     {"clip_ratio/high_mean", sums.high / units},
                     {"clip_ratio/high_max", sums.units > 0 ? sums.most_high : 0},
                     {"clip_ratio/region_mean", (sums.low + sums.high) / units}});
}

}  // namespace plumb::train
