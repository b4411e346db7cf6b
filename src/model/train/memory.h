// What a job on a decoder, or the classifier's, takes of memory at its peak: foreseen from the model's
// shape and the rows, before any weight is read.
//
//   const MicroSizes micro = LargestMicro(settings, rows.size(), settings.micro_batch_tokens, sequences);
//   PLUMB_CHECK(CheckMemory(job, settings, ForecastDecoder(job, settings, config, micro), free, again));
//
// Counted is what the process keeps and what its widest moment adds; docs/training.md says how far it
// was from what runs then took.
#pragma once

#include <functional>

#include "model/lm/config.h"
#include "model/lm/encoder.h"
#include "model/train/examples.h"
#include "model/train/settings.h"

namespace plumb::train {

// The widest of the parts that a step is computed in.
struct MicroSizes {
  int64_t nodes = 0;      // tokens computed, shared beginnings once
  int64_t positions = 0;  // tokens of all sequences
  int64_t targets = 0;    // tokens whose probability counts
  int64_t longest = 0;    // the longest row, which is never cut: micro_batch_tokens cannot go below
};

// The sequences that one row puts into a part; the first decides how parts are cut.
using RowSequences = std::function<std::vector<const TokenRow*>(uint32_t row)>;
// Cuts the first epoch's batches, in their order, as the objectives do.
MicroSizes LargestMicro(const TrainSettings& settings, size_t rows, int64_t tokens,
                        const RowSequences& sequences);

// The same of the classifier's rows, of which their lengths are enough.
MicroSizes LargestMicro(const TrainSettings& settings, const std::vector<int64_t>& lengths);

struct MemoryForecast {
  int64_t program = 0;      // the process itself
  int64_t weights = 0;      // the model's, in every form that is kept
  int64_t optimiser = 0;    // parameters, gradients, moments, and the last good state
  int64_t activations = 0;  // what the backward pass needs, and its own buffers
  int64_t vocabulary = 0;   // logits and their gradients, beyond what the backward pass takes
  int64_t sampling = 0;     // the sampler's weights and cache, where the job generates
  int64_t Total() const {
    return program + weights + optimiser + activations + vocabulary + sampling;
  }
};

MemoryForecast ForecastDecoder(Job job, const TrainSettings& settings, const lm::LmConfig& config,
                               const MicroSizes& micro);
MemoryForecast ForecastEncoder(const TrainSettings& settings, const lm::EncoderConfig& config,
                               const MicroSizes& micro, int64_t heads);

// kExhausted where more is needed than `free` bytes (0: unknown, then nothing is checked), saying
// which setting would do; `forecast` is asked again with other settings.
Status CheckMemory(const TrainSettings& settings, int64_t free, int64_t longest,
                   const std::function<MemoryForecast(const TrainSettings&)>& forecast);

// Bytes that a process may still take: what /proc/meminfo calls available, or less where a control
// group allows less; 0 where neither is there.
int64_t FreeMemory();
// The largest resident set of this process so far.
int64_t PeakMemory();

}  // namespace plumb::train
