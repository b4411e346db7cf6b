#include "model/train/sft.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <map>

#include "model/lm/adapter.h"

namespace plumb::train {

Status SaveLora(const fs::path& folder, const TrainSettings& s, lm::CausalLm& model,
                const std::map<std::string, at::Tensor>& heads, const std::string& task_type,
                const json::object& extra) {
  if (!s.use_peft) return {};  // a checkpoint's parameters are every weight already
  lm::AdapterConfig config;
  config.task_type = task_type;
  config.extra = extra;
  config.r = s.lora.r;
  config.alpha = s.lora.alpha;
  config.dropout = s.lora.dropout;
  config.rslora = s.lora.rslora;
  config.layers_to_transform = s.lora.layers_to_transform;
  config.base_model = s.model;
  for (const auto& [path, linear] : model.Linears()) {
    const std::string last = path.substr(path.rfind('.') + 1);
    auto& targets = config.target_modules;
    if (linear->lora && std::find(targets.begin(), targets.end(), last) == targets.end())
      targets.push_back(last);
  }
  return lm::SaveAdapter(folder, config, model.Linears(), heads);
}

std::vector<std::vector<uint32_t>> PackRows(const std::vector<int64_t>& tokens, int64_t most) {
  std::vector<uint32_t> order(tokens.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return tokens[a] > tokens[b]; });
  std::vector<std::vector<uint32_t>> blocks;
  std::multimap<int64_t, size_t> room;  // tokens left → block
  for (uint32_t row : order) {
    const auto fits = room.lower_bound(tokens[row]);  // the least room that is enough
    if (fits == room.end()) {
      room.emplace(most - tokens[row], blocks.size());
      blocks.push_back({row});
      continue;
    }
    const auto [left, block] = *fits;
    room.erase(fits);
    room.emplace(left - tokens[row], block);
    blocks[block].push_back(row);
  }
  return blocks;
}

std::vector<std::vector<uint32_t>> CutByTokens(
    std::vector<uint32_t> rows, const std::function<const std::vector<int32_t>&(uint32_t)>& ids,
    int64_t tokens) {
  std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    const auto &x = ids(a), &y = ids(b);
    return x != y ? x < y : a < b;
  });
  std::vector<std::vector<uint32_t>> parts;
  int64_t held = 0;
  for (uint32_t row : rows) {
    const auto& mine = ids(row);
    auto fresh = [&](bool shares) {
      size_t same = 0;
      if (shares) {
        const auto& last = ids(parts.back().back());
        while (same < std::min(mine.size(), last.size()) && mine[same] == last[same]) ++same;
      }
      return static_cast<int64_t>(mine.size() - same);
    };
    if (parts.empty() || held + fresh(true) > tokens) {
      parts.emplace_back();
      held = fresh(false);
    } else {
      held += fresh(true);
    }
    parts.back().push_back(row);
  }
  return parts;
}

struct SftObjective::Sums {
  double loss = 0, kl = 0, entropy = 0;
  int64_t learned = 0, correct = 0, tokens = 0, anchored = 0;
};

SftObjective::SftObjective(const TrainSettings& settings, std::vector<TokenRow> rows,
                           lm::CausalLm& model, Trunk& trunk)
    : settings_(settings), rows_(std::move(rows)), model_(model), trunk_(trunk), head_(model, 1, trunk.full()) {
  if (!settings.packing) return;
  std::vector<int64_t> tokens;
  for (const TokenRow& row : rows_) tokens.push_back(static_cast<int64_t>(row.ids.size()));
  blocks_ = PackRows(tokens, settings.max_length);
}

Result<BatchReport> SftObjective::Accumulate(const std::vector<uint32_t>& visited, uint64_t key) {
  std::vector<uint32_t> rows = visited;
  if (!blocks_.empty()) {
    rows.clear();
    for (uint32_t block : visited)
      rows.insert(rows.end(), blocks_[block].begin(), blocks_[block].end());
  }
  double tokens = 0;
  for (uint32_t i : rows) {
    const bool held = rows_[i].anchor && settings_.kl_weight > 0;
    tokens += std::max(rows_[i].weight, held ? 1.0 : 0.0) * static_cast<double>(rows_[i].Learned());
  }
  Sums sums;
  uint64_t part = 0;
  for (const auto& micro : CutByTokens(
           rows, [&](uint32_t i) -> const auto& { return rows_[i].ids; },
           settings_.micro_batch_tokens))
    Micro(micro, std::max(tokens, 1e-9), key + (++part << 40), sums);
  BatchReport report{.loss = sums.loss, .tokens = sums.tokens};
  const double n = std::max<double>(1, static_cast<double>(sums.learned));
  report.metrics = {{"entropy", sums.entropy / n},
                    {"mean_token_accuracy", static_cast<double>(sums.correct) / n}};
  if (settings_.kl_weight > 0)
    report.metrics.emplace_back("kl",
                                sums.kl / std::max<double>(1, static_cast<double>(sums.anchored)));
  return report;
}

void SftObjective::Micro(const std::vector<uint32_t>& rows, double tokens, uint64_t key,
                         Sums& sums) {
  std::vector<std::vector<int32_t>> sequences;
  for (uint32_t i : rows) sequences.push_back(rows_[i].ids);
  const TokenTrie batch(sequences);
  Targets targets;
  bool anchored = false;
  for (size_t r = 0; r < rows.size(); ++r) {
    const TokenRow& row = rows_[rows[r]];
    sums.tokens += static_cast<int64_t>(row.ids.size());
    const bool held = row.anchor && settings_.kl_weight > 0;
    anchored |= held;
    for (size_t t = 1; t < row.ids.size(); ++t) {
      if (!row.learn[t]) continue;
      targets.node.push_back(batch.Node(r, t - 1));
      targets.target.push_back(row.ids[t]);
      targets.coef.push_back(static_cast<float>(row.weight / tokens));
      targets.anchor_coef.push_back(held ? static_cast<float>(settings_.kl_weight / tokens) : 0);
    }
  }
  if (anchored) {
    // Only the anchors run through the base; the others' rows stay zero and are not read.
    std::vector<std::vector<int32_t>> held;
    std::vector<int64_t> node, place;
    std::vector<size_t> which;
    for (size_t r = 0; r < rows.size(); ++r)
      if (rows_[rows[r]].anchor) {
        which.push_back(r);
        held.push_back(sequences[r]);
      }
    const TokenTrie base_batch(held);
    const at::Tensor base = trunk_.Forward(base_batch, {.adapters = false});
    int64_t at = 0;
    for (size_t r = 0, h = 0; r < rows.size(); ++r) {
      const TokenRow& row = rows_[rows[r]];
      const bool mine = h < which.size() && which[h] == r;
      for (size_t t = 1; t < row.ids.size(); ++t) {
        if (!row.learn[t]) continue;
        if (mine) {
          node.push_back(base_batch.Node(h, t - 1));
          place.push_back(at);
        }
        ++at;
      }
      h += mine;
    }
    const at::Tensor normed = head_.Normed(base, node);
    targets.base = at::zeros({at, normed.size(1)}, normed.options());
    for (size_t i = 0; i < place.size();) {  // runs of neighbours
      size_t n = 1;
      while (i + n < place.size() && place[i + n] == place[i] + static_cast<int64_t>(n)) ++n;
      targets.base.narrow(0, place[i], static_cast<int64_t>(n))
          .copy_(normed.narrow(0, static_cast<int64_t>(i), static_cast<int64_t>(n)));
      i += n;
    }
  }
  const at::Tensor x = trunk_.Forward(batch, {.keep = true, .drop_key = key});
  at::Tensor dx = at::zeros_like(x);
  const std::vector<kernels::TokenStats> stats = head_.Run(x, targets, &dx);
  trunk_.Backward(batch, dx);
  for (size_t i = 0; i < stats.size(); ++i) {
    sums.loss -= static_cast<double>(targets.coef[i]) * stats[i].logp;
    sums.loss += static_cast<double>(targets.anchor_coef[i]) * stats[i].kl;
    sums.entropy += stats[i].entropy;
    sums.correct += stats[i].top1;
    sums.kl += stats[i].kl;
    sums.anchored += targets.anchor_coef[i] != 0;
  }
  sums.learned += static_cast<int64_t>(stats.size());
}

}  // namespace plumb::train
