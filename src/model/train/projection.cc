#include "model/train/projection.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "model/lm/adapter.h"
#include "model/train/head.h"
#include "model/train/sft.h"
#include "model/train/token_trie.h"

namespace plumb::train {
namespace {

using Sites = std::vector<at::Tensor>;  // by layer: attention_in, attention_out, mlp_in, mlp_out

// Adds the activations at `nodes` of one kind of prompt to `sums`.
void AddStreams(const Trunk& trunk, const at::Tensor& last, const at::Tensor& nodes, std::vector<Sites>& sums) {
  for (size_t i = 0; i < trunk.layers(); ++i) {
    const LayerStreams seen = trunk.Streams(i);
    if (!seen.entering.defined()) continue;
    const at::Tensor after = i + 1 < trunk.layers() ? trunk.Streams(i + 1).entering : last;
    const at::Tensor from[] = {seen.attention_in, seen.between, seen.mlp_in, after};
    if (sums[i].empty()) sums[i].assign(4, at::Tensor());
    for (size_t site = 0; site < 4; ++site) {
      const at::Tensor sum = at::index_select(from[site], 0, nodes).to(at::kDouble).sum(0);
      sums[i][site] = sums[i][site].defined() ? sums[i][site] + sum : sum;
    }
  }
}

at::Tensor Unit(const at::Tensor& v) {
  const double length = v.norm().item<double>();
  return length > 0 ? v / length : at::Tensor();
}

}  // namespace

Result<RefusalDirections> FindRefusalDirections(Trunk& trunk, const std::vector<const TokenRow*>& rows,
                                                const std::vector<uint8_t>& harmful, bool adapters, int64_t micro_batch_tokens) {
  double count[2] = {0, 0};
  std::vector<Sites> sums[2] = {std::vector<Sites>(trunk.layers()), std::vector<Sites>(trunk.layers())};
  std::vector<std::vector<int32_t>> prompts;
  std::vector<uint32_t> all;
  for (const TokenRow* row : rows) {
    const auto begin = std::ranges::find(row->learn, 1) - row->learn.begin();
    prompts.emplace_back(row->ids.begin(), row->ids.begin() + begin);
    if (begin > 0) all.push_back(static_cast<uint32_t>(prompts.size() - 1));
  }
  for (const auto& part : CutByTokens(all, [&](uint32_t i) -> const auto& { return prompts[i]; }, micro_batch_tokens)) {
    std::vector<std::vector<int32_t>> some;
    for (uint32_t i : part) some.push_back(prompts[i]);
    const TokenTrie batch(some);
    std::vector<int64_t> nodes[2];
    for (size_t s = 0; s < part.size(); ++s) nodes[harmful[part[s]] ? 1 : 0].push_back(batch.Node(s, some[s].size() - 1));
    const at::Tensor last = trunk.Forward(batch, {.adapters = adapters, .keep = true});
    for (int kind : {0, 1}) {
      if (nodes[kind].empty()) continue;
      AddStreams(trunk, last, Index(nodes[kind]), sums[kind]);
      count[kind] += static_cast<double>(nodes[kind].size());
    }
  }
  if (count[0] == 0 || count[1] == 0)
    return Fail(Code::kInvalid, "the refusal direction needs rows with \"harmful\": true and rows with false; there are {:g} and {:g}",
                count[1], count[0]);
  RefusalDirections out;
  for (size_t i = 0; i < trunk.layers(); ++i) {
    RefusalDirections::Layer& layer = out.layers.emplace_back();
    if (sums[0][i].empty()) continue;
    const auto unit = [&](size_t site) { return Unit(sums[1][i][site] / count[1] - sums[0][i][site] / count[0]); };
    at::Tensor* to[] = {&layer.attention_in, &layer.attention_out, &layer.mlp_in, &layer.mlp_out};
    for (size_t site = 0; site < 4; ++site)
      if (const at::Tensor d = unit(site); d.defined()) *to[site] = d.to(at::kFloat);
  }
  return out;
}

Projection::Projection(const RefusalDirections& directions, const Parameters& parameters) : was_(parameters.flat().clone()) {
  for (size_t i = 0; i < parameters.count(); ++i) {
    const std::string& name = parameters.name(i);
    if (!name.ends_with(".lora_A.weight")) continue;
    const int64_t index = lm::LayerOf(name);
    if (index < 0) continue;
    const RefusalDirections::Layer& layer = directions.layers[static_cast<size_t>(index)];
    const bool attention = name.contains(".self_attn."), writes = name.contains(".o_proj.") || name.contains(".down_proj.");
    Pair pair{.a = i, .b = i + 1, .writes = writes};  // A and B are added together (trunk.cc)
    pair.direction = writes ? (attention ? layer.attention_out : layer.mlp_out) : (attention ? layer.attention_in : layer.mlp_in);
    if (!pair.direction.defined()) continue;
    const at::Tensor through = writes ? at::matmul(pair.direction, parameters.value(pair.b)) : at::matmul(parameters.value(pair.a), pair.direction);
    pair.through = Unit(through);
    pairs_.push_back(std::move(pair));
  }
}

void Projection::Apply(Parameters& parameters) const {
  const auto first = [&](size_t i) { return was_.narrow(0, parameters.value(i).storage_offset(), parameters.value(i).numel()).view(parameters.value(i).sizes()); };
  for (const Pair& pair : pairs_) {
    at::Tensor a = parameters.value(pair.a), b = parameters.value(pair.b);
    const at::Tensor da = a - first(pair.a), db = b - first(pair.b);
    if (pair.writes) {
      b.sub_(at::outer(pair.direction, at::matmul(pair.direction, db)));
      if (pair.through.defined()) a.sub_(at::outer(pair.through, at::matmul(pair.through, da)));
    } else {
      a.sub_(at::outer(at::matmul(da, pair.direction), pair.direction));
      if (pair.through.defined()) b.sub_(at::outer(at::matmul(db, pair.through), pair.through));
    }
  }
}

}  // namespace plumb::train
