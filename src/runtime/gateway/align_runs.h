// Turns of the loop as they stand in a project's align/ folder: listed, read, and followed while they grow.
#pragma once

#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::gateway {

struct AlignRuns {
  fs::path folder;  // PROJECT/align
  Clock clock;

  // Newest first; a folder without events.jsonl is no run. docs/console-api.md says what a row holds.
  std::vector<json::object> List() const;
  // The row with "events" and "report". Error: kNotFound with near names.
  Result<json::object> Get(const std::string& run) const;
  // Error: kNotFound.
  Result<std::string> ReportHtml(const std::string& run) const;
  // The newest run's name, "" where there is none; with `running_only`, one that still goes on.
  std::string Newest(bool running_only = false) const;
  // Whether `run` is a plain name of a folder here.
  bool Has(const std::string& run) const;
};

// Reads a file line by line as it grows. A line counts once its end is there.
class LineFollower {
 public:
  explicit LineFollower(fs::path file) : file_(std::move(file)) {}
  // Whole lines written since the last call.
  std::vector<std::string> More();

 private:
  fs::path file_;
  uint64_t offset_ = 0;
  std::string partial_;
};

}  // namespace plumb::gateway
