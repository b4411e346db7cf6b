// A run as an Inspect AI log, version 2: `inspect view` and `inspect log` read it.
#pragma once

#include <string>
#include <vector>

#include "measure/eval/run.h"
#include "measure/eval/summary.h"
#include "measure/eval/zip_writer.h"

namespace plumb::eval {

// One sample as EvalSample, as a row of summaries.json, and its name in the .eval container.
json::object InspectSample(const Sample& sample, const std::string& model);
json::object InspectSummary(const Sample& sample);
std::string InspectMember(const Sample& sample);

// Texts of a run's samples, in its order. Samples that did not run are not in a log; results.completed_samples says so.
struct InspectParts {
  std::vector<const std::string*> samples, summaries;  // compact JSON
  std::vector<const ZipMember*> members;
};

// Writes FOLDER/inspect.json (EvalLog, a sample a line) and FOLDER/inspect.eval (a zip with deflate). Error: kIo.
Status WriteInspectLogsOf(const fs::path& folder, const Run& run, const Summary& summary, const InspectParts& parts,
                          Deflater& deflater);

}  // namespace plumb::eval
