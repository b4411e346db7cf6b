#include "model/train/dpo.h"

#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

namespace plumb::train {

// The sequences of some pairs, chosen before rejected, and their predictions.
struct DpoObjective::Micro {
  std::unique_ptr<TokenTrie> batch;
  Targets targets;
  std::vector<uint32_t> owner;     // of each target: the sequence
  std::vector<uint8_t> of_prompt;  // of each target: it is no part of the answer
  int64_t tokens = 0;
};

struct DpoObjective::Sums {
  double loss = 0, entropy = 0, chosen_reward = 0, rejected_reward = 0, right = 0, chosen_logp = 0,
         rejected_logp = 0;
  double chosen_logits = 0, rejected_logits = 0, nll = 0, odds = 0, odds_ratio = 0, drop = 0;
  int64_t chosen_tokens = 0, rejected_tokens = 0, correct = 0, tokens = 0;
};

DpoObjective::DpoObjective(const TrainSettings& s, std::vector<TokenPair> pairs,
                           lm::CausalLm& model, Trunk& trunk, bool from_adapter)
    : settings_(s),
      options_{s.beta,        s.label_smoothing, s.loss_type,  s.loss_weights,
               s.simpo_gamma, s.discopop_tau,    s.dpop_lambda},
      pairs_(std::move(pairs)),
      model_(model),
      trunk_(trunk),
      head_(model, 1, trunk.full()),
      reference_is_base_(!from_adapter || s.reference == "base"),
      no_reference_(s.reference == "none" || ReferenceFree(options_)),
      per_token_(Asks(options_, "orpo") || Asks(options_, "simpo") || Asks(options_, "ipo")),
      nll_(s.rpo_alpha + WeightOf(options_, "sft")),
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
    const bool prompt_too = settings_.nll_on_prompt && s % 2 == 0;
    for (size_t t = 1; t < row.ids.size(); ++t) {
      if (!row.learn[t] && !prompt_too) continue;
      m.targets.node.push_back(m.batch->Node(s, t - 1));
      m.targets.target.push_back(row.ids[t]);
      m.owner.push_back(static_cast<uint32_t>(s));
      m.of_prompt.push_back(!row.learn[t]);
    }
  }
  return m;
}

std::vector<double> DpoObjective::Logps(const Micro& micro,
                                        const std::vector<kernels::TokenStats>& stats) const {
  std::vector<double> sums(static_cast<size_t>(micro.batch->Rows().rows), 0);
  for (size_t i = 0; i < stats.size(); ++i)
    if (!micro.of_prompt[i]) sums[micro.owner[i]] += stats[i].logp;
  return sums;
}

Status DpoObjective::Prepare(const std::vector<uint32_t>& rows) {
  // Without adapters there is no base to go back to once the first step is taken.
  if (no_reference_ ||
      (reference_is_base_ && !settings_.precompute_ref_log_probs && !trunk_.full()))
    return {};
  for (const auto& part : Cut(rows)) {
    const Micro micro = Build(part);
    const at::Tensor x = trunk_.Forward(*micro.batch, {.adapters = !reference_is_base_});
    const std::vector<double> logps = Logps(micro, head_.Run(x, micro.targets, nullptr));
    for (size_t i = 0; i < part.size(); ++i)
      reference_[part[i]] = {logps[2 * i], logps[2 * i + 1], true};
  }
  return {};
}

Status DpoObjective::SetState(const json::object& state) {
  PLUMB_TRY(chosen_drop_, GetNumberOr(state, "chosen_drop", 0));
  return {};
}

double DpoObjective::NllTokens(const TokenPair& pair) const {
  return static_cast<double>(settings_.nll_on_prompt ? pair.chosen.ids.size() - 1
                                                     : pair.chosen.Learned());
}

double DpoObjective::Divergence(const std::vector<uint32_t>& rows) {
  double sum = 0;
  std::vector<TokenRow> mixed;
  for (size_t i = 0; i < rows.size(); ++i) {
    const TokenPair &prompt = pairs_[rows[i]],
                    &answer = pairs_[rows[(i + rows.size() - 1) % rows.size()]];
    mixed.push_back(Mismatch(prompt.chosen, answer.chosen));
    mixed.push_back(Mismatch(prompt.chosen, answer.rejected));
  }
  std::vector<uint32_t> all(mixed.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  for (const auto& part : CutByTokens(
           all, [&](uint32_t i) -> const auto& { return mixed[i].ids; },
           settings_.micro_batch_tokens)) {
    std::vector<const TokenRow*> list;
    for (uint32_t i : part) list.push_back(&mixed[i]);
    const Answers answers(list);
    const auto now = AnswerLogps(trunk_, head_, answers, true),
               base = AnswerLogps(trunk_, head_, answers, false);
    for (size_t i = 0; i < now.size(); ++i) sum += now[i] - base[i];
  }
  return std::max(0.0, sum / static_cast<double>(mixed.size()));
}

// What is logged of a pair where there is no reference: what the loss looks at.
PairLogps DpoObjective::Shown(const PairLogps& p) const {
  if (!no_reference_ || !per_token_) return p;
  return {.chosen = p.chosen / p.chosen_tokens, .rejected = p.rejected / p.rejected_tokens};
}

Result<BatchReport> DpoObjective::Accumulate(const std::vector<uint32_t>& rows, uint64_t key) {
  double weight = 0, nll_tokens = 0;
  for (uint32_t i : rows) {
    weight += pairs_[i].chosen.weight;
    nll_tokens += NllTokens(pairs_[i]);
  }
  const double kl = Asks(options_, "kto") ? Divergence(rows) : 0;
  Sums s;
  uint64_t part = 0;
  for (const auto& micro : Cut(rows))
    Learn(micro, std::max(weight, 1e-9), nll_tokens, kl, key + (++part << 40), s);
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
  if (nll_ > 0) report.metrics.emplace_back("nll_loss", s.nll / nll_tokens);
  if (Asks(options_, "kto")) report.metrics.emplace_back("kl", kl);
  if (Asks(options_, "orpo")) {
    report.metrics.emplace_back("log_odds_chosen", s.odds / n);
    report.metrics.emplace_back("log_odds_ratio", s.odds_ratio / n);
  }
  if (!no_reference_) WatchChosen(s.drop / n, report);
  return report;
}

void DpoObjective::WatchChosen(double drop, BatchReport& report) {
  chosen_drop_ += 0.1 * (drop - chosen_drop_);
  report.metrics.emplace_back("chosen_drop", chosen_drop_);
  if (settings_.on_chosen_collapse == "log" || chosen_drop_ <= settings_.chosen_collapse_threshold)
    return;
  report.stop = fmt::format(
      "the chosen answers have become less likely than under the reference by {:.2f} nats a token, "
      "more than chosen_collapse_threshold {}: a higher beta, rpo_alpha, dpop_lambda or a lower "
      "learning rate keeps them",
      chosen_drop_, settings_.chosen_collapse_threshold);
}

void DpoObjective::Learn(const std::vector<uint32_t>& rows, double weight, double nll_tokens,
                         double kl, uint64_t key, Sums& sums) {
  Micro micro = Build(rows);
  std::vector<double> reference;
  if (no_reference_)
    reference.assign(2 * rows.size(), 0);
  else if (!reference_[rows[0]].known)
    reference = Logps(micro, head_.Run(trunk_.Forward(*micro.batch, {.adapters = false}),
                                       micro.targets, nullptr));
  const at::Tensor x = trunk_.Forward(*micro.batch, {.keep = true, .drop_key = key});
  micro.targets.coef.assign(micro.targets.size(), 1);
  at::Tensor gradients;  // of each token's −log p; its coefficient follows from the pair
  const std::vector<kernels::TokenStats> stats =
      trunk_.full() ? head_.Run(x, micro.targets, nullptr)  // once more with the coefficients
                    : head_.RunRows(x, micro.targets, &gradients);
  const std::vector<double> logps = Logps(micro, stats);

  const double nll = nll_ / nll_tokens;
  std::vector<double> slope(2 * rows.size());  // of the batch's loss, by sequence
  for (size_t i = 0; i < rows.size(); ++i) {
    const TokenPair& pair = pairs_[rows[i]];
    const Reference& known = reference_[rows[i]];
    PairLogps p{.chosen = logps[2 * i],
                .rejected = logps[2 * i + 1],
                .ref_chosen = known.known ? known.chosen : reference[2 * i],
                .ref_rejected = known.known ? known.rejected : reference[2 * i + 1],
                .chosen_tokens = static_cast<double>(pair.chosen.Learned()),
                .rejected_tokens = static_cast<double>(pair.rejected.Learned()),
                .kl = kl};
    const PairLoss loss = DpoLoss(options_, p);
    const double share = pair.chosen.weight / weight;
    slope[2 * i] = share * loss.d_chosen - nll;
    slope[2 * i + 1] = share * loss.d_rejected;
    sums.loss += share * loss.loss - nll * p.chosen;
    sums.drop += (p.ref_chosen - p.chosen) / p.chosen_tokens;
    if (Asks(options_, "orpo")) {
      const double odds = LogOdds(p);
      sums.odds += odds;
      sums.odds_ratio -= std::log1p(std::exp(-odds));
    }
    const PairLogps shown = Shown(p);
    const double chosen = settings_.beta * (shown.chosen - shown.ref_chosen),
                 rejected = settings_.beta * (shown.rejected - shown.ref_rejected);
    sums.chosen_reward += chosen;
    sums.rejected_reward += rejected;
    // A margin within float32's rounding of the sums is a tie, as where the policy still is its
    // reference.
    sums.right +=
        chosen - rejected > settings_.beta * 1e-6 * (std::abs(p.chosen) + std::abs(p.rejected));
    sums.chosen_logp += shown.chosen;
    sums.rejected_logp += shown.rejected;
  }
  at::Tensor dx = at::zeros_like(x);
  for (size_t i = 0; i < micro.owner.size(); ++i)
    micro.targets.coef[i] =
        static_cast<float>(micro.of_prompt[i] ? nll : -slope[micro.owner[i]]);
  if (trunk_.full()) {
    head_.Run(x, micro.targets, &dx);
  } else {
    for (size_t i = 0; i < micro.owner.size(); ++i)
      gradients[static_cast<int64_t>(i)].mul_(static_cast<double>(micro.targets.coef[i]));
    Head::AddRows(gradients, micro.targets.node, dx);
  }
  trunk_.Backward(*micro.batch, dx);

  for (size_t i = 0; i < stats.size(); ++i) {
    const bool chosen = micro.owner[i] % 2 == 0;
    if (chosen && nll_ > 0) sums.nll -= stats[i].logp;
    if (micro.of_prompt[i]) {
      sums.loss -= nll * stats[i].logp;
      continue;
    }
    sums.entropy += stats[i].entropy;
    (chosen ? sums.chosen_logits : sums.rejected_logits) += stats[i].mean_logit;
    ++(chosen ? sums.chosen_tokens : sums.rejected_tokens);
    sums.correct += chosen && stats[i].top1;
  }
  sums.tokens += micro.tokens;
}

}  // namespace plumb::train
