// The files of a run, made sample by sample while others are still being asked: what is left for the end is to put texts
// together. (Made all at once at the end, they took a second for 10,000 cases, in which nobody was asked anything.)
#pragma once

#include <map>
#include <string>

#include "measure/eval/inspect_log.h"
#include "measure/eval/run.h"
#include "measure/eval/zip_writer.h"

namespace plumb::eval {

class Recording {
 public:
  explicit Recording(std::string target) : target_(std::move(target)) {}

  // Keeps what the files say of a finished sample; its line for samples.jsonl comes back. Error: kInvalid (a number that
  // has no canonical form).
  Result<std::string> Put(const Sample& sample);

  // Writes run.json, inspect.json and inspect.eval into `folder`, with the samples in the run's order; those that were
  // never put are so now. The run's digest comes back. Errors: kIo, kInvalid.
  Result<std::string> Write(const fs::path& folder, const Run& run);

 private:
  struct Texts {
    SampleText run;
    std::string inspect, summary;
    ZipMember member;
  };
  std::string target_;
  Deflater deflater_;
  std::map<std::string, Texts> texts_;  // by id
};

}  // namespace plumb::eval
