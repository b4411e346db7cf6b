// A run's state on disk: out/checkpoint-N/ with the adapter, optimizer.safetensors and
// trainer_state.json.
//
// Randomness is a function of seed and step, so the step is the whole state of the random
// generators. A folder appears complete or not at all.
#pragma once

#include "model/train/loop.h"

namespace plumb::train {

struct TrainerState {
  int64_t step = 0;
  int64_t tokens = 0;
  double loss_sum = 0;
  double seconds = 0;  // spent before this process
  json::object objective;  // Objective::State
};

Result<fs::path> SaveCheckpoint(const fs::path& out, const TrainerState& state,
                                const json::object& fixed, const Objective& objective,
                                const Parameters& parameters, int64_t keep);
// `folder`: a checkpoint, or "latest" for the newest in `out` (none there: a fresh start).
Result<TrainerState> LoadCheckpoint(const std::string& folder, const fs::path& out,
                                    const json::object& fixed, Parameters& parameters);

}  // namespace plumb::train
