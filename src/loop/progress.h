// What a turn is doing, for those who watch: lines of events.jsonl (docs/console-api.md, "Turns of the loop") and one
// line on the terminal.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>

#include "base/core/core.h"

namespace plumb::loop {

// Thread-safe.
class Progress {
 public:
  // Appends to `events`; writes to `terminal` unless it is null: one line that is rewritten where it is a terminal,
  // else a line for each phase and every ten seconds.
  Progress(const fs::path& events, Clock clock, std::FILE* terminal);
  ~Progress();
  Progress(const Progress&) = delete;

  // Starts a phase; what follows belongs to it.
  void Phase(std::string name, std::string message);
  // `step` of `total` is done; the time left is estimated from the phase's own pace.
  void Step(double step, double total, json::object metrics = {});
  void Say(std::string message);
  // The last event: phase "done", "failed" or "cancelled".
  void End(std::string phase, std::string message);

 private:
  void Write(json::object event);
  void Show(const std::string& line, bool final);

  std::mutex mutex_;
  std::FILE* file_ = nullptr;
  std::FILE* terminal_;
  const Clock clock_;
  const bool live_;
  std::string phase_;
  Time phase_began_{}, shown_{};
  bool line_open_ = false;
};

}  // namespace plumb::loop
