// Joining the tiers: a small logistic regression over their log-odds.
#pragma once

#include <vector>

#include "runtime/guard/cascade.h"
#include "runtime/guard/train.h"

namespace plumb::guard {

// Weighted logistic regression with a ridge on every weight but the bias, by Newton's method.
// `x` is [n, dims] row-major, `y` and `weight` are [n]. Returns dims weights, then the bias.
std::vector<double> FitLogistic(const std::vector<double>& x, const std::vector<int8_t>& y, const std::vector<double>& weight, size_t dims, double ridge);

// The joining weights and offsets of one stack, from the rows kept for it. `encoder` is null for the linear stack.
// Errors: the encoder's.
Result<Stack> FitStack(const policy::Policy& policy, const TrainingSet& set, const LinearModel& linear, Classifier* encoder);

}  // namespace plumb::guard
