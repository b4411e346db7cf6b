#include "model/train/dpo.h"

#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

namespace plumb::train {

// The sequences of some pairs, chosen before rejected, and their predictions.
struct DpoObjective::Micro {
  std::unique_ptr<TokenTrie> batch;
  Targets targets;
  std::vector<uint32_t> owner;  // of each target: the sequence
  int64_t tokens = 0;
};

struct DpoObjective::Sums {
  double loss = 0, entropy = 0, chosen_reward = 0, rejected_reward = 0, right = 0, chosen_logp = 0,
         rejected_logp = 0;
  double chosen_logits = 0, rejected_logits = 0;
  int64_t chosen_tokens = 0, rejected_tokens = 0, correct = 0, tokens = 0;
};

DpoObjective::DpoObjective(const TrainSettings& s, std::vector<TokenPair> pairs,
                           lm::CausalLm& model, Trunk& trunk, bool from_adapter)
    : settings_(s),
      options_{s.beta, s.label_smoothing, s.loss_type, s.loss_weights},
      pairs_(std::move(pairs)),
      model_(model),
      trunk_(trunk),
      head_(model),
      reference_is_base_(!from_adapter || s.reference == "base"),
      reference_(pairs_.size()) {}

std::vector<std::vector<uint32_t>> DpoObjective::Cut(const std::vector<uint32_t>& rows) const {
  // The chosen answer stands for the pair; half the budget, since the rejected one comes on top.
  return CutByTokens(
      rows, [&](uint32_t i) -> const auto& { return pairs_[i].chosen.ids; },
      std::max<int64_t>(1, settings_.micro_batch_tokens / 2));
}

DpoObjective::Micro DpoObjective::Build(const std::vector<uint32_t>& rows) const {
  Micro m;
  std::vector<std::vector<int32_t>> sequences;
  for (uint32_t i : rows)
    for (const TokenRow* row : {&pairs_[i].chosen, &pairs_[i].rejected})
      sequences.push_back(row->ids);
  m.batch = std::make_unique<TokenTrie>(sequences);
  for (size_t s = 0; s < sequences.size(); ++s) {
    const TokenRow& row = s % 2 ? pairs_[rows[s / 2]].rejected : pairs_[rows[s / 2]].chosen;
    m.tokens += static_cast<int64_t>(row.ids.size());
    for (size_t t = 1; t < row.ids.size(); ++t) {
      if (!row.learn[t]) continue;
      m.targets.node.push_back(m.batch->Node(s, t - 1));
      m.targets.target.push_back(row.ids[t]);
      m.owner.push_back(static_cast<uint32_t>(s));
    }
  }
  return m;
}

std::vector<double> DpoObjective::Logps(const Micro& micro,
                                        const std::vector<kernels::TokenStats>& stats) const {
  std::vector<double> sums(static_cast<size_t>(micro.batch->Rows().rows), 0);
  for (size_t i = 0; i < stats.size(); ++i) sums[micro.owner[i]] += stats[i].logp;
  return sums;
}

Status DpoObjective::Prepare(const std::vector<uint32_t>& rows) {
  if (reference_is_base_ && !settings_.precompute_ref_log_probs) return {};
  for (const auto& part : Cut(rows)) {
    const Micro micro = Build(part);
    const at::Tensor x = trunk_.Forward(*micro.batch, {.adapters = !reference_is_base_});
    const std::vector<double> logps = Logps(micro, head_.Run(x, micro.targets, nullptr));
    for (size_t i = 0; i < part.size(); ++i)
      reference_[part[i]] = {logps[2 * i], logps[2 * i + 1], true};
  }
  return {};
}

BatchReport DpoObjective::Accumulate(const std::vector<uint32_t>& rows, uint64_t key) {
  double weight = 0, chosen_tokens = 0;
  for (uint32_t i : rows) {
    weight += pairs_[i].chosen.weight;
    chosen_tokens += static_cast<double>(pairs_[i].chosen.Learned());
  }
  Sums s;
  uint64_t part = 0;
  for (const auto& micro : Cut(rows))
    Learn(micro, std::max(weight, 1e-9), chosen_tokens, key + (++part << 40), s);
  const double n = static_cast<double>(rows.size());
  const double chosen = static_cast<double>(s.chosen_tokens),
               rejected = static_cast<double>(s.rejected_tokens);
  BatchReport report{.loss = s.loss, .tokens = s.tokens};
  report.metrics = {{"entropy", s.entropy / (chosen + rejected)},
                    {"logits/chosen", s.chosen_logits / chosen},
                    {"logits/rejected", s.rejected_logits / rejected},
                    {"mean_token_accuracy", static_cast<double>(s.correct) / chosen},
                    {"rewards/chosen", s.chosen_reward / n},
                    {"rewards/rejected", s.rejected_reward / n},
                    {"rewards/accuracies", s.right / n},
                    {"rewards/margins", (s.chosen_reward - s.rejected_reward) / n},
                    {"logps/chosen", s.chosen_logp / n},
                    {"logps/rejected", s.rejected_logp / n}};
  return report;
}

void DpoObjective::Learn(const std::vector<uint32_t>& rows, double weight, double chosen_tokens,
                         uint64_t key, Sums& sums) {
  Micro micro = Build(rows);
  std::vector<double> reference;
  if (!reference_[rows[0]].known)
    reference = Logps(micro, head_.Run(trunk_.Forward(*micro.batch, {.adapters = false}),
                                       micro.targets, nullptr));
  const at::Tensor x = trunk_.Forward(*micro.batch, {.keep = true, .drop_key = key});
  micro.targets.coef.assign(micro.targets.size(), 1);
  at::Tensor gradients;  // of each token's −log p; its coefficient follows from the pair
  const std::vector<kernels::TokenStats> stats = head_.RunRows(x, micro.targets, &gradients);
  const std::vector<double> logps = Logps(micro, stats);

  std::vector<double> slope(2 * rows.size());  // of the batch's loss, by sequence
  for (size_t i = 0; i < rows.size(); ++i) {
    const TokenPair& pair = pairs_[rows[i]];
    const Reference& known = reference_[rows[i]];
    PairLogps p{.chosen = logps[2 * i],
                .rejected = logps[2 * i + 1],
                .ref_chosen = known.known ? known.chosen : reference[2 * i],
                .ref_rejected = known.known ? known.rejected : reference[2 * i + 1],
                .chosen_tokens = static_cast<double>(pair.chosen.Learned()),
                .rejected_tokens = static_cast<double>(pair.rejected.Learned())};
    const PairLoss loss = DpoLoss(options_, p);
    const double share = pair.chosen.weight / weight, sft = settings_.rpo_alpha / chosen_tokens;
    slope[2 * i] = share * loss.d_chosen - sft;
    slope[2 * i + 1] = share * loss.d_rejected;
    sums.loss += share * loss.loss - sft * p.chosen;
    const double chosen = settings_.beta * (p.chosen - p.ref_chosen),
                 rejected = settings_.beta * (p.rejected - p.ref_rejected);
    sums.chosen_reward += chosen;
    sums.rejected_reward += rejected;
    // A margin within float32's rounding of the sums is a tie, as where the policy still is its
    // reference.
    sums.right +=
        chosen - rejected > settings_.beta * 1e-6 * (std::abs(p.chosen) + std::abs(p.rejected));
    sums.chosen_logp += p.chosen;
    sums.rejected_logp += p.rejected;
  }
  for (size_t i = 0; i < micro.owner.size(); ++i)
    gradients[static_cast<int64_t>(i)].mul_(-slope[micro.owner[i]]);
  at::Tensor dx = at::zeros_like(x);
  Head::AddRows(gradients, micro.targets.node, dx);
  trunk_.Backward(*micro.batch, dx);

  for (size_t i = 0; i < stats.size(); ++i) {
    const bool chosen = micro.owner[i] % 2 == 0;
    sums.entropy += stats[i].entropy;
    (chosen ? sums.chosen_logits : sums.rejected_logits) += stats[i].mean_logit;
    ++(chosen ? sums.chosen_tokens : sums.rejected_tokens);
    sums.correct += chosen && stats[i].top1;
  }
  sums.tokens += micro.tokens;
}

}  // namespace plumb::train
