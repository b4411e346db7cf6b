// A run as an Inspect AI log, version 2: `inspect view` and `inspect log` read it.
#pragma once

#include "measure/eval/run.h"

namespace plumb::eval {

// EvalLog as inspect_ai's .json format has it. Samples that did not run are not in it; results.completed_samples says
// so.
json::object InspectLog(const Run& run);

// Writes FOLDER/inspect.json and FOLDER/inspect.eval (a zip with deflate). Error: kIo.
Status WriteInspectLogs(const fs::path& folder, const Run& run);

}  // namespace plumb::eval
