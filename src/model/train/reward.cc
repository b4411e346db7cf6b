#include "model/train/reward.h"

#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "model/train/sft.h"

namespace plumb::train {

RewardPairLoss BradleyTerry(double chosen, double rejected, double margin, double centre) {
  const double x = chosen - rejected - margin, sum = chosen + rejected;
  const double loss = std::max(-x, 0.0) + std::log1p(std::exp(-std::abs(x)));
  const double slope = -1 / (1 + std::exp(x));
  return {loss + centre * sum * sum, slope + 2 * centre * sum, -slope + 2 * centre * sum};
}

size_t ScoredToken(const std::vector<int32_t>& ids, int32_t pad) {
  for (size_t i = ids.size(); i-- > 0;)
    if (ids[i] != pad) return i;
  return 0;
}

RewardObjective::RewardObjective(const TrainSettings& settings, std::vector<TokenPair> pairs,
                                 lm::CausalLm& model, Trunk& trunk, const ScoreHead& head,
                                 Parameters& parameters, int32_t pad)
    : settings_(settings),
      pairs_(std::move(pairs)),
      model_(model),
      trunk_(trunk),
      head_(head),
      parameters_(parameters),
      pad_(pad) {}

Result<BatchReport> RewardObjective::Accumulate(const std::vector<uint32_t>& rows, uint64_t key) {
  double weight = 0;
  for (uint32_t i : rows) weight += pairs_[i].chosen.weight;
  weight = std::max(weight, 1e-9);
  BatchReport report;
  double right = 0, margin = 0, sum = 0, least = INFINITY, most = -INFINITY;
  uint64_t part = 0;
  for (const auto& micro : CutByTokens(
           rows, [&](uint32_t i) -> const auto& { return pairs_[i].chosen.ids; },
           std::max<int64_t>(1, settings_.micro_batch_tokens / 2))) {
    std::vector<std::vector<int32_t>> sequences;
    for (uint32_t i : micro)
      for (const TokenRow* row : {&pairs_[i].chosen, &pairs_[i].rejected})
        sequences.push_back(row->ids);
    const TokenTrie batch(sequences);
    std::vector<int64_t> node;
    for (size_t s = 0; s < sequences.size(); ++s) {
      node.push_back(batch.Node(s, ScoredToken(sequences[s], pad_)));
      report.tokens += static_cast<int64_t>(sequences[s].size());
    }
    const at::Tensor x = trunk_.Forward(batch, {.keep = true, .drop_key = key + (++part << 40)});
    const ScoreHead::Pass pass = head_.Forward(x, std::move(node), parameters_);
    std::vector<double> slopes(sequences.size());
    for (size_t i = 0; i < micro.size(); ++i) {
      const TokenPair& pair = pairs_[micro[i]];
      const double chosen = pass.scores[2 * i], rejected = pass.scores[2 * i + 1],
                   share = pair.chosen.weight / weight;
      const RewardPairLoss loss =
          BradleyTerry(chosen, rejected, pair.margin, settings_.center_rewards_coefficient);
      report.loss += share * loss.loss;
      slopes[2 * i] = share * loss.d_chosen;
      slopes[2 * i + 1] = share * loss.d_rejected;
      right += chosen > rejected;
      margin += chosen - rejected;
      sum += chosen + rejected;
      least = std::min({least, chosen, rejected});
      most = std::max({most, chosen, rejected});
    }
    at::Tensor dx = at::zeros_like(x);
    head_.Backward(pass, slopes, parameters_, dx);
    trunk_.Backward(batch, dx);
  }
  const double n = static_cast<double>(rows.size());
  report.metrics = {{"accuracy", right / n},
                    {"margin", margin / n},
                    {"min_reward", least},
                    {"mean_reward", sum / (2 * n)},
                    {"max_reward", most}};
  return report;
}

Status RewardObjective::SaveAdapter(const fs::path& folder) const {
  return SaveLora(folder, settings_, model_, {{kScoreName, parameters_.value(head_.weight())}},
                  "SEQ_CLS", {{"modules_to_save", json::array{"score"}}});
}

}  // namespace plumb::train
