// Training jobs: `plumb-lm train JOB --config FILE` as a child process whose events are handed over as they come.
#pragma once

#include <functional>
#include <string>

#include "base/core/core.h"

namespace plumb::provider {

struct LmJobOptions {
  fs::path program;                                     // empty: FindLm()
  fs::path log;                                         // its standard error; empty: inherited
  std::function<void(const json::object&)> on_event;    // every line of its standard output
  std::function<bool()> stop;                           // true: ask it to save a checkpoint and end
};

// Runs JOB ("sft", "dpo", "classifier") with `config` (written to a temporary file) to its end. The child dies with us.
// Returns its last event. Errors: kUnavailable (cannot start, or died; with the last line it wrote), kCancelled
// (stopped; its checkpoint stands in the job's out folder), kInvalid (it refused the configuration).
Result<json::object> RunLmJob(const std::string& job, const json::object& config, const LmJobOptions& options);

}  // namespace plumb::provider
