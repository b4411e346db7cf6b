// Answers on their prompts as one batch: which predictions they are made of, and the way from a
// slope in each answer's log-probability to the gradient. What every objective on whole answers
// shares.
#pragma once

#include <memory>

#include "model/train/examples.h"
#include "model/train/head.h"
#include "model/train/trunk.h"

namespace plumb::train {

struct Answers {
  std::unique_ptr<TokenTrie> batch;
  Targets targets;              // of the learned tokens
  std::vector<uint32_t> owner;  // of each target: the answer's place in the list
  size_t count = 0;
  int64_t tokens = 0;  // of all sequences, shared or not

  explicit Answers(const std::vector<const TokenRow*>& rows);
  // Sums of the targets' log-probabilities, by answer.
  std::vector<double> Sums(const std::vector<kernels::TokenStats>& stats) const;
};

// Log-probabilities of the answers, without a gradient. `adapters` false: of the base.
std::vector<double> AnswerLogps(Trunk& trunk, const Head& head, const Answers& answers,
                                bool adapters);

// The prompt of one row with the answer of another (for KTO's estimate of the divergence).
TokenRow Mismatch(const TokenRow& prompt, const TokenRow& answer);

}  // namespace plumb::train
