// A loss over every token, whose gradients the trunk's tests compare.
#pragma once

#include "model/train/head.h"
#include "model/train/token_trie.h"

namespace plumb::train {

// What the tests differentiate: Σ coef · −log p(target) over every token of the sequences.
inline Targets AllTargets(const TokenTrie& batch, const std::vector<std::vector<int32_t>>& sequences) {
  Targets t;
  for (size_t s = 0; s < sequences.size(); ++s)
    for (size_t i = 1; i < sequences[s].size(); ++i) {
      t.node.push_back(batch.Node(s, i - 1));
      t.target.push_back(sequences[s][i]);
      t.coef.push_back(0.01f * static_cast<float>(1 + (s + i) % 5));
    }
  return t;
}

inline double Loss(const Targets& t, const std::vector<kernels::TokenStats>& stats) {
  double loss = 0;
  for (size_t i = 0; i < stats.size(); ++i) loss -= static_cast<double>(t.coef[i]) * stats[i].logp;
  return loss;
}

}  // namespace plumb::train
