// What a turn leaves to be used: who answers alone, who behind which guard (docs/align.md, "Using it").
//
//   OUT/release.json   for commands (plumb eval run --turn OUT)
//   OUT/serve.yaml     the same as lines for plumb.yaml
#pragma once

#include <string>

#include "base/core/core.h"

namespace plumb::loop {

struct Release {
  std::string alone;          // target: the model without a guard
  std::string guarded;        // target: the model behind the guard
  fs::path guard;             // the folder; empty: none
  fs::path system;            // the tuned system prompt's file; empty: none
};

// Paths are written as they are given: relative ones are relative to where the commands are run. Error: kIo.
Status WriteRelease(const fs::path& out, const Release& release);
// Errors: kNotFound (the turn ended before it had one), kCorrupt.
Result<Release> ReadRelease(const fs::path& out);

}  // namespace plumb::loop
