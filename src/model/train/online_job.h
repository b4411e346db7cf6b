// The jobs that generate: grpo, rloo, ppo, and best-of-n. Private to this room.
#pragma once

#include "model/train/decoder_parts.h"

namespace plumb::train {

Result<JobResult> RunOnline(Job job, TrainSettings settings, const std::vector<data::TrlRow>& rows,
                            const DecoderText& text, const Surroundings& world);

}  // namespace plumb::train
