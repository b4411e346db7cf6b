// A whole replay: from a source, in batches, into a folder that it can be taken up from.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/replay/replay.h"
#include "runtime/replay/replay_source.h"

namespace plumb::replay {

struct ReplayProgress {
  size_t done = 0;     // exchanges, with those of an earlier run
  size_t resumed = 0;  // of an earlier run
  size_t missing = 0;  // not replayed, or not judged
  double share = 0;    // of the source that is read, 0..1
};

struct ReplayOptions {
  ReplayGuards guards;
  fs::path out;          // folder: replay.jsonl grows while it runs; empty: nothing is written
  std::string identity;  // what makes this replay this one: source, range, policies, guards
  bool lenient = false;  // rows that cannot be read are counted, not an error
  size_t batch = 64;
  std::function<void(const ReplayProgress&)> on_progress;
  std::function<bool()> stop;  // true: finish the batch, keep what is there
};

struct Replayed {
  std::vector<ReplayRow> rows;
  std::map<std::string, size_t> skipped;  // rows that are no exchanges
  std::vector<Error> unreadable;          // where lenient; at most 20 are kept
  size_t unreadable_count = 0;
  bool complete = false;                  // false: stopped
};

// Exchanges already in OUT/replay.jsonl from an interrupted replay of the same identity are not judged again; what was
// not judged, is. Errors: kConflict (OUT holds another replay), kInvalid (a row, with its place), kIo, the ledger's.
Result<Replayed> RunReplay(ReplaySource& source, const ReplayOptions& options);

}  // namespace plumb::replay
