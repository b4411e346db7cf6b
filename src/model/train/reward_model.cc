#include "model/train/reward_model.h"

#include <algorithm>

#include "model/lm/adapter.h"
#include "model/train/advantages.h"
#include "model/train/reward.h"
#include "model/train/sft.h"

namespace plumb::train {

Result<std::unique_ptr<RewardModel>> RewardModel::Load(const std::string& name, bool bf16) {
  PLUMB_TRY(const lm::ModelName parsed, lm::ParseModelName(name));
  if (parsed.adapter.empty())
    return Fail(Code::kInvalid, "'{}' should be MODEL+ADAPTER_FOLDER with a score layer", name);
  auto made = std::make_unique<RewardModel>();
  TrainSettings& s = made->settings_;
  s.model = parsed.base;
  s.adapter_in = parsed.adapter;
  s.bf16 = bf16;
  s.max_length = int64_t{1} << 40;
  PLUMB_TRY(const lm::AdapterConfig config, lm::ReadAdapterConfig(parsed.adapter));
  if (config.task_type != "SEQ_CLS")
    return FailAt(parsed.adapter, Code::kInvalid,
                  "is no reward model: its task_type is \"{}\", not SEQ_CLS", config.task_type);
  PLUMB_CHECK(TakeOverAdapter(s));
  PLUMB_TRY(made->text_, DecoderText::Load(s.model));
  made->pad_ = made->text_.Pad();
  PLUMB_TRY(made->parts_, DecoderParts::Load(s, kScoreName));
  made->parts_->trunk->Refresh();
  return made;
}

Result<std::vector<double>> RewardModel::Score(const std::vector<std::vector<int32_t>>& sequences) {
  for (size_t i = 0; i < sequences.size(); ++i)
    if (sequences[i].empty() || static_cast<int64_t>(sequences[i].size()) > context())
      return Fail(Code::kInvalid, "text {} has {} tokens, must have 1 to {}", i,
                  sequences[i].size(), context());
  std::vector<double> scores(sequences.size());
  std::vector<uint32_t> all(sequences.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  for (const auto& part : CutByTokens(
           all, [&](uint32_t i) -> const auto& { return sequences[i]; },
           settings_.micro_batch_tokens)) {
    std::vector<std::vector<int32_t>> some;
    for (uint32_t i : part) some.push_back(sequences[i]);
    const TokenTrie batch(some);
    std::vector<int64_t> node;
    for (size_t s = 0; s < some.size(); ++s)
      node.push_back(batch.Node(s, ScoredToken(some[s], pad_)));
    const at::Tensor x = parts_->trunk->Forward(batch, {});
    const auto pass = parts_->head->Forward(x, std::move(node), parts_->parameters);
    for (size_t i = 0; i < part.size(); ++i) scores[part[i]] = pass.scores[i];
  }
  return scores;
}

double Combine(const std::vector<double>& scores, const std::string& how, double pessimism) {
  if (how == "min") return *std::ranges::min_element(scores);
  const Mean m = MeanOf(scores);
  return how == "pessimistic" ? m.mean - pessimism * m.deviation : m.mean;
}

}  // namespace plumb::train
