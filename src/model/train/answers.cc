#include "model/train/answers.h"

#include <algorithm>

namespace plumb::train {

Answers::Answers(const std::vector<const TokenRow*>& rows) : count(rows.size()) {
  std::vector<std::vector<int32_t>> sequences;
  for (const TokenRow* row : rows) sequences.push_back(row->ids);
  batch = std::make_unique<TokenTrie>(sequences);
  for (size_t s = 0; s < rows.size(); ++s) {
    const TokenRow& row = *rows[s];
    tokens += static_cast<int64_t>(row.ids.size());
    for (size_t t = 1; t < row.ids.size(); ++t) {
      if (!row.learn[t]) continue;
      targets.node.push_back(batch->Node(s, t - 1));
      targets.target.push_back(row.ids[t]);
      owner.push_back(static_cast<uint32_t>(s));
    }
  }
}

std::vector<double> Answers::Sums(const std::vector<kernels::TokenStats>& stats) const {
  std::vector<double> sums(count, 0);
  for (size_t i = 0; i < stats.size(); ++i) sums[owner[i]] += stats[i].logp;
  return sums;
}

std::vector<double> AnswerLogps(Trunk& trunk, const Head& head, const Answers& answers,
                                bool adapters) {
  const at::Tensor x = trunk.Forward(*answers.batch, {.adapters = adapters});
  return answers.Sums(head.Run(x, answers.targets, nullptr));
}

TokenRow Mismatch(const TokenRow& prompt, const TokenRow& answer) {
  const auto start = [](const TokenRow& row) {
    return std::find(row.learn.begin(), row.learn.end(), 1) - row.learn.begin();
  };
  TokenRow out;
  out.ids.assign(prompt.ids.begin(), prompt.ids.begin() + start(prompt));
  out.learn.assign(out.ids.size(), 0);
  out.ids.insert(out.ids.end(), answer.ids.begin() + start(answer), answer.ids.end());
  out.learn.resize(out.ids.size(), 1);
  return out;
}

}  // namespace plumb::train
