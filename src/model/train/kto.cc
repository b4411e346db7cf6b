#include "model/train/kto.h"

#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "model/train/dpo_loss.h"
#include "model/train/sft.h"

namespace plumb::train {

struct KtoObjective::Sums {
  double loss = 0, entropy = 0, reward[2] = {0, 0}, logp[2] = {0, 0}, logits[2] = {0, 0};
  int64_t rows[2] = {0, 0}, learned[2] = {0, 0}, tokens = 0;  // [1]: desirable
};

KtoObjective::KtoObjective(const TrainSettings& s, std::vector<TokenAnswer> answers,
                           lm::CausalLm& model, Trunk& trunk, bool from_adapter)
    : settings_(s),
      answers_(std::move(answers)),
      model_(model),
      trunk_(trunk),
      head_(model),
      reference_is_base_(!from_adapter || s.reference == "base"),
      calculate_kl_(s.loss_type.front() == "kto") {}

Status KtoObjective::SaveAdapter(const fs::path& folder) const {
  return SaveLora(folder, settings_, model_);
}

// In parts of micro_batch_tokens.
std::vector<double> KtoObjective::Logps(const std::vector<const TokenRow*>& rows, bool adapters) {
  std::vector<double> out(rows.size());
  std::vector<uint32_t> all(rows.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  for (const auto& part : CutByTokens(
           all, [&](uint32_t i) -> const auto& { return rows[i]->ids; },
           settings_.micro_batch_tokens)) {
    std::vector<const TokenRow*> list;
    for (uint32_t i : part) list.push_back(rows[i]);
    const auto logps = AnswerLogps(trunk_, head_, Answers(list), adapters);
    for (size_t i = 0; i < part.size(); ++i) out[part[i]] = logps[i];
  }
  return out;
}

Status KtoObjective::Prepare(const std::vector<uint32_t>& rows) {
  if (reference_is_base_) return {};
  std::vector<const TokenRow*> list;
  for (uint32_t i : rows) list.push_back(&answers_[i].row);
  const std::vector<double> logps = Logps(list, true);
  reference_.assign(answers_.size(), 0);
  for (size_t i = 0; i < rows.size(); ++i) reference_[rows[i]] = logps[i];
  if (!calculate_kl_) return {};
  if (settings_.shuffle && settings_.num_train_epochs > 1)
    return Fail(Code::kInvalid,
                "kto from an adapter needs \"shuffle\" false or one epoch (the reference of the "
                "mismatched answers is computed before the first step), or \"reference\" \"base\"");
  const auto step = static_cast<size_t>(settings_.BatchRows()),
             chunk = static_cast<size_t>(settings_.per_device_train_batch_size);
  std::vector<TokenRow> mixed;
  std::vector<std::pair<uint32_t, uint32_t>> names;
  for (size_t b = 0; b < rows.size(); b += step)
    for (size_t c = b; c < std::min(b + step, rows.size()); c += chunk) {
      const size_t n = std::min({chunk, b + step - c, rows.size() - c});
      for (size_t i = 0; i < n; ++i) {
        names.emplace_back(rows[c + i], rows[c + (i + n - 1) % n]);
        mixed.push_back(
            Mismatch(answers_[names.back().first].row, answers_[names.back().second].row));
      }
    }
  list.clear();
  for (const TokenRow& row : mixed) list.push_back(&row);
  const std::vector<double> base = Logps(list, true);
  for (size_t i = 0; i < names.size(); ++i) mismatched_[names[i]] = base[i];
  return {};
}

Result<double> KtoObjective::Divergence(const std::vector<uint32_t>& rows) {
  std::vector<TokenRow> mixed;
  std::vector<const TokenRow*> list;
  mixed.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    mixed.push_back(
        Mismatch(answers_[rows[i]].row, answers_[rows[(i + rows.size() - 1) % rows.size()]].row));
    list.push_back(&mixed.back());
  }
  const std::vector<double> now = Logps(list, true);
  std::vector<double> base;
  if (reference_is_base_) {
    base = Logps(list, false);
  } else {
    for (size_t i = 0; i < rows.size(); ++i) {
      auto found = mismatched_.find({rows[i], rows[(i + rows.size() - 1) % rows.size()]});
      if (found == mismatched_.end())
        return Fail(Code::kInternal, "the reference of a mismatched answer is not known");
      base.push_back(found->second);
    }
  }
  double sum = 0;
  for (size_t i = 0; i < now.size(); ++i) sum += now[i] - base[i];
  return std::max(0.0, sum / static_cast<double>(rows.size()));
}

Result<BatchReport> KtoObjective::Accumulate(const std::vector<uint32_t>& rows, uint64_t key) {
  const auto chunk = static_cast<size_t>(settings_.per_device_train_batch_size);
  Sums s;
  double kl = 0;
  uint64_t part = 0;
  for (size_t begin = 0; begin < rows.size(); begin += chunk) {
    const std::vector<uint32_t> some(
        rows.begin() + static_cast<long>(begin),
        rows.begin() + static_cast<long>(std::min(begin + chunk, rows.size())));
    double here = 0;
    if (calculate_kl_) {
      PLUMB_TRY(here, Divergence(some));
    }
    kl += here * static_cast<double>(some.size()) / static_cast<double>(rows.size());
    for (const auto& micro : CutByTokens(
             some, [&](uint32_t i) -> const auto& { return answers_[i].row.ids; },
             settings_.micro_batch_tokens))
      Learn(micro, here, 1 / static_cast<double>(rows.size()), key + (++part << 40), s);
  }
  BatchReport report{.loss = s.loss, .tokens = s.tokens};
  report.metrics = {{"kl", kl},
                    {"entropy", s.entropy / static_cast<double>(s.learned[0] + s.learned[1])}};
  for (const int good : {1, 0}) {
    if (s.rows[good] == 0) continue;
    const std::string name = good ? "chosen" : "rejected";
    const double n = static_cast<double>(s.rows[good]);
    report.metrics.emplace_back("logits/" + name,
                                s.logits[good] / static_cast<double>(s.learned[good]));
    report.metrics.emplace_back("rewards/" + name, s.reward[good] / n);
    report.metrics.emplace_back("logps/" + name, s.logp[good] / n);
  }
  if (s.rows[0] > 0 && s.rows[1] > 0)
    report.metrics.emplace_back("rewards/margins",
                                s.reward[1] / static_cast<double>(s.rows[1]) -
                                    s.reward[0] / static_cast<double>(s.rows[0]));
  return report;
}

void KtoObjective::Learn(const std::vector<uint32_t>& rows, double kl, double share, uint64_t key,
                         Sums& sums) {
  std::vector<const TokenRow*> list;
  for (uint32_t i : rows) list.push_back(&answers_[i].row);
  Answers answers(list);
  std::vector<double> base;
  if (reference_is_base_)
    base = AnswerLogps(trunk_, head_, answers, false);
  else
    for (uint32_t i : rows) base.push_back(reference_[i]);
  const at::Tensor x = trunk_.Forward(*answers.batch, {.keep = true, .drop_key = key});
  answers.targets.coef.assign(answers.targets.size(), 1);
  at::Tensor gradients;
  const auto stats = head_.RunRows(x, answers.targets, &gradients);
  const std::vector<double> logps = answers.Sums(stats);
  std::vector<double> slope(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const TokenAnswer& answer = answers_[rows[i]];
    const double ratio = logps[i] - base[i];
    const UnpairedLoss loss = calculate_kl_
                                  ? KtoLoss(settings_.beta, ratio, kl, answer.desirable)
                                  : ApoZeroUnpairedLoss(settings_.beta, ratio, answer.desirable);
    const double weight =
        share * answer.row.weight *
        (answer.desirable ? settings_.desirable_weight : settings_.undesirable_weight);
    sums.loss += weight * loss.loss;
    slope[i] = weight * loss.slope;
    ++sums.rows[answer.desirable];
    sums.reward[answer.desirable] += settings_.beta * ratio;
    sums.logp[answer.desirable] += logps[i];
  }
  for (size_t i = 0; i < answers.owner.size(); ++i)
    gradients[static_cast<int64_t>(i)].mul_(-slope[answers.owner[i]]);
  at::Tensor dx = at::zeros_like(x);
  Head::AddRows(gradients, answers.targets.node, dx);
  trunk_.Backward(*answers.batch, dx);
  for (size_t i = 0; i < stats.size(); ++i) {
    const bool good = answers_[rows[answers.owner[i]]].desirable;
    sums.entropy += stats[i].entropy;
    sums.logits[good] += stats[i].mean_logit;
    ++sums.learned[good];
  }
  sums.tokens += answers.tokens;
}

}  // namespace plumb::train
