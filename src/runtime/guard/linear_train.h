// Training the linear model: FTRL-Proximal (McMahan et al. 2013) over all heads at once. Single-threaded and seeded:
// the same rows give the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/guard/linear.h"

namespace plumb::guard {

inline constexpr int8_t kUnlabelled = -1;

struct LinearRow {
  std::string text;
  std::vector<int8_t> labels;  // per head: 1, 0 or kUnlabelled (the row says nothing about that head)
  std::vector<float> weights;  // per head; empty is 1 for all
};

struct LinearSettings {
  int epochs = 12;
  float alpha = 0.6f;  // learning rate
  float beta = 1.0f;
  float l1 = 0.02f;
  float l2 = 0.1f;
  uint64_t seed = 1;
  bool balance = true;  // per head, positives together weigh as much as negatives, at most 8 to 1
};

// Errors: kInvalid (no rows, a row whose labels do not match the heads, a head without both answers).
Result<LinearModel> TrainLinear(std::vector<std::string> heads, const std::vector<LinearRow>& rows,
                                const LinearSettings& settings);

}  // namespace plumb::guard
