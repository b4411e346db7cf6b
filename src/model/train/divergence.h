// How far an adapter took its model on given text: KL(base ‖ adapter), exact over the vocabulary, at the
// tokens that a row would teach. Run as a job: `plumb-lm train divergence --config FILE` with {"model",
// "adapter", "data", "max_length": 1024, "bf16": true, "threads": 0}; `data` are rows as `sft` takes them.
// With "baseline", an adapter of the same shape, that one stands for the base.
#pragma once

#include "model/train/loop.h"

namespace plumb::train {

// Emits "done" with {"rows", "tokens", "kl", "kl_low", "kl_high"}: the mean over rows of nats a token, with
// its 95 % interval. Errors: kInvalid, kNotFound, those of loading.
Status RunDivergence(const json::object& config, const Surroundings& world);

}  // namespace plumb::train
