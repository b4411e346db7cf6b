#include "model/train/classifier_objective.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

namespace plumb::train {
namespace {

// Rows in order of length, cut into runs of about `tokens` tokens.
std::vector<std::vector<uint32_t>> Cut(std::vector<uint32_t> rows,
                                       const std::vector<LabelledTokens>& all, int64_t tokens) {
  std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    return all[a].ids.size() != all[b].ids.size() ? all[a].ids.size() < all[b].ids.size() : a < b;
  });
  std::vector<std::vector<uint32_t>> parts;
  int64_t held = 0;
  for (uint32_t row : rows) {
    const int64_t n = static_cast<int64_t>(all[row].ids.size());
    if (parts.empty() || held + n > tokens) {
      parts.emplace_back();
      held = 0;
    }
    held += n;
    parts.back().push_back(row);
  }
  return parts;
}

}  // namespace

BinaryLoss BinaryCrossEntropy(double z, double label, double pos_weight) {
  const double softplus = std::max(-z, 0.0) + std::log1p(std::exp(-std::abs(z)));  // −log σ(z)
  const double p = 1 / (1 + std::exp(-z));
  return {pos_weight * label * softplus + (1 - label) * (softplus + z),
          -pos_weight * label * (1 - p) + (1 - label) * p};
}

ClassifierObjective::ClassifierObjective(const TrainSettings& settings,
                                         std::vector<std::string> heads,
                                         std::vector<LabelledTokens> rows, lm::Encoder& encoder,
                                         EncoderTrunk& trunk, Parameters& parameters)
    : settings_(settings),
      heads_(std::move(heads)),
      rows_(std::move(rows)),
      encoder_(encoder),
      trunk_(trunk),
      parameters_(parameters) {
  for (const std::string& head : heads_) {
    weight_.push_back(parameters.Add("classifier." + head + ".weight",
                                     {1, encoder.config().hidden}, settings.head_rate));
    bias_.push_back(parameters.Add("classifier." + head + ".bias", {1}, settings.head_rate));
    auto found = settings.pos_weight.find(head);
    pos_weight_.push_back(found == settings.pos_weight.end() ? 1 : found->second);
  }
  parameters.Allocate();
  trunk.Attach();
  StartAtBaseRates();
}

void ClassifierObjective::StartAtBaseRates() {
  std::vector<double> all(heads_.size(), 1), right(heads_.size(), 0.5);
  for (const LabelledTokens& row : rows_)
    for (const auto& [head, label] : row.labels) {
      const double weight = row.weight * (1 + label * (pos_weight_[head] - 1));
      all[head] += weight;
      right[head] += weight * label;
    }
  for (size_t h = 0; h < heads_.size(); ++h)
    parameters_.value(bias_[h]).fill_(std::log(right[h] / (all[h] - right[h])));
}

Result<BatchReport> ClassifierObjective::Accumulate(const std::vector<uint32_t>& rows, uint64_t key) {
  double labels = 0;
  for (uint32_t i : rows) labels += rows_[i].weight * static_cast<double>(rows_[i].labels.size());
  Sums sums;
  uint64_t part = 0;
  for (const auto& micro : Cut(rows, rows_, settings_.micro_batch_tokens))
    Micro(micro, std::max(labels, 1e-9), key + (++part << 40), sums);
  return BatchReport{
      .loss = sums.loss,
      .tokens = sums.tokens,
      .metrics = {{"accuracy", static_cast<double>(sums.right) /
                                   std::max<double>(1, static_cast<double>(sums.labels))}}};
}

void ClassifierObjective::Micro(const std::vector<uint32_t>& rows, double labels, uint64_t key,
                                Sums& sums) {
  std::vector<std::vector<int32_t>> sequences;
  std::vector<int64_t> types;
  for (uint32_t i : rows) {
    sequences.push_back(rows_[i].ids);
    types.insert(types.end(), rows_[i].types.begin(), rows_[i].types.end());
  }
  const TokenTrie batch(sequences, /*share=*/false);
  types.resize(static_cast<size_t>(batch.nodes()), 0);
  const at::Tensor x =
      trunk_.Forward(batch, types, {.keep = true, .drop_key = key});  // [tokens, hidden]
  const int64_t n = static_cast<int64_t>(rows.size()), hidden = x.size(1),
                k = static_cast<int64_t>(heads_.size());
  at::Tensor pooled = at::empty({n, hidden}, at::kFloat);
  int64_t begin = 0;
  for (int64_t r = 0; r < n; ++r) {
    const int64_t length = static_cast<int64_t>(sequences[r].size());
    pooled[r].copy_(x.narrow(0, begin, length).mean(0));
    begin += length;
  }
  std::vector<at::Tensor> weights;
  for (size_t head : weight_) weights.push_back(parameters_.value(head));
  const at::Tensor weight = at::cat(weights, 0),
                   z = at::mm(pooled, weight.t());  // [heads, hidden], [rows, heads]
  at::Tensor dz = at::zeros({n, k}, at::kFloat);
  float* slopes = dz.data_ptr<float>();
  for (int64_t r = 0; r < n; ++r) {
    const LabelledTokens& row = rows_[rows[r]];
    sums.tokens += static_cast<int64_t>(row.ids.size());
    for (const auto& [head, label] : row.labels) {
      const double logit = z.const_data_ptr<float>()[r * k + static_cast<int64_t>(head)] +
                           parameters_.value(bias_[head]).const_data_ptr<float>()[0];
      const double smooth = label * (1 - settings_.label_smoothing) + settings_.label_smoothing / 2;
      const BinaryLoss one = BinaryCrossEntropy(logit, smooth, pos_weight_[head]);
      sums.loss += row.weight / labels * one.loss;
      slopes[r * k + static_cast<int64_t>(head)] =
          static_cast<float>(row.weight / labels * one.slope);
      ++sums.labels;
      sums.right += (logit > 0) == (label > 0.5);
    }
  }
  const at::Tensor dweight = at::mm(dz.t(), pooled), dpooled = at::mm(dz, weight),
                   dbias = dz.sum(0);
  for (int64_t h = 0; h < k; ++h) {
    parameters_.grad(weight_[h]).add_(dweight.narrow(0, h, 1));
    parameters_.grad(bias_[h]).add_(dbias.narrow(0, h, 1));
  }
  at::Tensor dx = at::zeros({x.size(0), hidden}, at::kFloat);
  begin = 0;
  for (int64_t r = 0; r < n; ++r) {
    const int64_t length = static_cast<int64_t>(sequences[r].size());
    dx.narrow(0, begin, length)
        .copy_(dpooled[r].div(static_cast<double>(length)).unsqueeze(0).expand({length, hidden}));
    begin += length;
  }
  trunk_.Backward(batch, dx);
}

Status ClassifierObjective::Save(const fs::path& folder, at::ScalarType type) const {
  lm::AdapterConfig config;
  config.r = settings_.lora.r;
  config.alpha = settings_.lora.alpha;
  config.dropout = settings_.lora.dropout;
  config.rslora = settings_.lora.rslora;
  config.base_model = settings_.model;
  std::vector<std::pair<lm::Linear*, lm::Lora>> originals;
  for (const auto& [path, linear] : encoder_.Linears()) {
    if (!linear->lora) continue;
    const std::string last = path.substr(path.rfind('.') + 1);
    auto& targets = config.target_modules;
    if (std::find(targets.begin(), targets.end(), last) == targets.end()) targets.push_back(last);
    originals.emplace_back(linear, *linear->lora);
    linear->lora->a = linear->lora->a.to(type);
    linear->lora->b = linear->lora->b.to(type);
  }
  lm::ClassifierHeads heads;
  heads.names = heads_;
  heads.max_tokens = settings_.max_length;
  std::vector<at::Tensor> weights, biases;
  for (size_t h = 0; h < heads_.size(); ++h) {
    weights.push_back(parameters_.value(weight_[h]));
    biases.push_back(parameters_.value(bias_[h]));
  }
  heads.weight = at::cat(weights, 0);
  heads.bias = at::cat(biases, 0);
  const Status status = lm::SaveClassifier(folder, config, heads, encoder_);
  for (auto& [linear, lora] : originals) linear->lora = lora;
  return status;
}

}  // namespace plumb::train
