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
  std::string stop;  // not empty: the run should end before this step is taken, and why
};

// How many rows a step takes, where that is not settings.BatchRows(): one generation of rows may
// feed several steps.
struct StepShape {
  int64_t rows = 0;   // visited together; 0: settings.BatchRows()
  int64_t steps = 1;  // made of them
  bool whole = false;  // what is left of an epoch and fills no batch is left out
};

// What is learned: a job's rows and its loss.
class Objective {
 public:
  virtual ~Objective() = default;
  virtual size_t rows() const = 0;
  // Adds the gradient of the mean loss of these rows to the parameters. `key` names the step's
  // randomness.
  virtual Result<BatchReport> Accumulate(const std::vector<uint32_t>& rows, uint64_t key) = 0;
  // Called before the first of the steps that these rows feed.
  virtual Status Begin(const std::vector<uint32_t>&, uint64_t) { return {}; }
  virtual StepShape Shape() const { return {}; }
  virtual std::string Where(uint32_t) const { return {}; }  // a row's file and line
  // What beside the parameters must survive an interruption.
  virtual json::object State() const { return {}; }
  virtual Status SetState(const json::object&) { return {}; }
  // Called after the last step, unless the run was interrupted. What it returns, if anything, is why
  // the parameters it leaves are not those of the last step.
  virtual Result<std::string> End() { return std::string(); }
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
  std::function<double()> wall_seconds;  // since 1970, for TensorBoard; may be empty
  // Bytes: what may still be taken (0: unknown), and the most taken so far; may be empty.
  std::function<int64_t()> free_memory, peak_memory;
};

struct LoopResult {
  int64_t steps = 0;
  double loss = 0;  // mean over all steps
  double seconds = 0;
  int64_t tokens = 0;
  double tokens_per_second = 0;
  bool interrupted = false;
  bool out_of_time = false;
  std::string stopped;  // the objective asked for it: why
};

// Trains to the end, to max_seconds or to `stop`. Writes out/metrics.jsonl and out/checkpoint-N.
// `fixed` is SettingsThatMatter. Where a loss is not a number, the last parameters whose loss was
// one are written as a checkpoint and the error names the batch's rows. Errors: kIo, kInvalid (a
// checkpoint of another run), kInternal (the loss is not a number), and the objective's.
Result<LoopResult> RunLoop(const TrainSettings& settings, const json::object& fixed,
                           Objective& objective, Parameters& parameters, const Surroundings& world);

}  // namespace plumb::train
