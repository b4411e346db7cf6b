// plumb train … --engine trl: the same job as a run of TRL's, in the user's own Python.
#pragma once

#include "cli/verbs.h"
#include "runtime/provider/lm_job.h"

namespace plumb::cli {

struct TrlEngine {
  std::string python = "python3";
  int64_t processes = 1;  // above 1: under torchrun, gradients averaged over them
};

// Runs `job` with `config` (settings as the other engine takes them, checked by it) in TRL: the same rows, the settings
// that TRL has, written out as TRL's, and a PEFT folder in OUT/adapter. Events come as they do from plumb-lm; what was
// launched stands in OUT/trl/. Returns the last event. Errors: kUnsupported (a job or a setting that TRL has not),
// kUnavailable (no Python, TRL not installed, the run died), kInvalid.
Result<json::object> RunTrlJob(const std::string& job, const json::object& config, const TrlEngine& engine,
                               const provider::LmJobOptions& options);

}  // namespace plumb::cli
