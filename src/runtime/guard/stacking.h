// Joining the tiers: a small logistic regression over their log-odds.
#pragma once

#include <vector>

#include "runtime/guard/cascade.h"
#include "runtime/guard/train.h"

namespace plumb::guard {

// The joining weights and offsets of one stack, from the rows kept for it. `encoder` is null for the linear stack.
// Errors: the encoder's.
Result<Stack> FitStack(const policy::Policy& policy, const TrainingSet& set, const LinearModel& linear, Classifier* encoder);

}  // namespace plumb::guard
