// The optimiser's loop, the same for every job: batches in seeded order, gradient, clipping, AdamW,
// schedule, progress, checkpoints, resuming, and ending cleanly on a signal or on time.
#pragma once

#include <atomic>
#include <functional>

#include "model/train/settings.h"

namespace plumb::train {

// What one batch did. `sums` are averaged over the steps between two log lines under their names.
struct BatchReport {
  double loss = 0;
  int64_t tokens = 0;  // of every sequence in the batch, shared or not
  std::vector<std::pair<std::string, double>> metrics;
};

// What is learned: a job's rows and its loss.
class Objective {
 public:
  virtual ~Objective() = default;
  virtual size_t rows() const = 0;
  // Adds the gradient of the mean loss of these rows to the parameters. `key` names the step's
  // randomness.
  virtual BatchReport Accumulate(const std::vector<uint32_t>& rows, uint64_t key) = 0;
  virtual void Refresh() = 0;                                    // the parameters changed
  virtual Status SaveAdapter(const fs::path& folder) const = 0;  // as others load it, exact
  virtual Status SaveProduct(const fs::path& folder) const {
    return SaveAdapter(folder);
  }  // what a job ends with
  // Run once before the first step, given the rows that will be visited at most.
  virtual Status Prepare(const std::vector<uint32_t>& rows) = 0;
};

// What the outside gives a job.
struct Surroundings {
  std::function<void(const json::object&)> emit;  // one event
  std::function<double()> seconds;                // a clock that only goes forward
  const std::atomic<bool>* stop = nullptr;        // set by a signal
  double started = 0;                             // `seconds` when the job began, loading included
};

struct LoopResult {
  int64_t steps = 0;
  double loss = 0;  // mean over all steps
  double seconds = 0;
  int64_t tokens = 0;
  double tokens_per_second = 0;
  bool interrupted = false;
  bool out_of_time = false;
};

// Trains to the end, to max_seconds or to `stop`. Writes out/metrics.jsonl and out/checkpoint-N.
// `fixed` is SettingsThatMatter. Errors: kIo, kInvalid (a checkpoint of another run), kInternal
// (the loss is not a number).
Result<LoopResult> RunLoop(const TrainSettings& settings, const json::object& fixed,
                           Objective& objective, Parameters& parameters, const Surroundings& world);

}  // namespace plumb::train
