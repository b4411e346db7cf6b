// Lines for whoever runs this: when, how grave, what, and fields. Never texts of users or models, never secrets.
//
//   Log log({.json = true, .level = LogLevel::kInfo}, stderr);
//   log.Write({LogLevel::kInfo, "exchange", {{"id", "exc_…"}, {"status", "ok"}}});
//
//   {"time":"2026-11-21T15:00:00.125Z","level":"info","message":"exchange","id":"exc_…","status":"ok"}
//   2026-11-21T15:00:00.125Z info exchange id=exc_… status=ok
#pragma once

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/core/core.h"

namespace plumb::gateway {

enum class LogLevel { kError, kWarn, kInfo, kDebug };
std::string_view LogLevelName(LogLevel level);  // "error", "warn", "info", "debug"
// Error: kInvalid, listing the names.
Result<LogLevel> ParseLogLevel(std::string_view name);

struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string message;
  json::object fields;
};

struct LogOptions {
  bool json = false;  // else text
  LogLevel level = LogLevel::kWarn;
  bool operator==(const LogOptions&) const = default;
};

// With its line break.
std::string LogText(const LogLine& line, Time time, bool json);

// Lines are written by a thread of its own: a terminal or pipe that takes nothing holds nobody up. What does not fit the
// queue is dropped, and said so. Safe to use from any thread.
class Log {
 public:
  Log(LogOptions options, std::FILE* out, Clock clock = SystemClock());
  // Writes what waits.
  ~Log();
  void Write(const LogLine& line);
  bool Wants(LogLevel level) const { return level <= options_.level; }

 private:
  void Run();

  static constexpr size_t kLimit = 10'000;
  LogOptions options_;
  std::FILE* out_;
  Clock clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::string> waiting_;
  size_t dropped_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace plumb::gateway
