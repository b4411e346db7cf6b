// A Python program that nobody has read, run where it can do nothing but compute: Linux namespaces of its own (user, mount, process,
// network, IPC, host name), a file system that holds the interpreter read-only and a small /tmp in memory, no privileges, a system
// call filter (seccomp) that lets it make no process, socket, namespace or mount, and limits on time, memory, files and output.
//
//   PLUMB_TRY(auto sandbox, Sandbox::Open());
//   PLUMB_TRY(const SandboxRun run, sandbox->Run("print(6 * 7)"));   // run.out == "42\n"
//
// What it does not keep from a program: seeing the interpreter's files, burning the CPU seconds it is given, and whatever a hole
// in the kernel allows. Thread-safe; Run blocks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::eval {

struct SandboxLimits {
  int cpu_seconds = 5;
  int64_t wall_ms = 10'000;
  int64_t memory_bytes = 512 << 20;  // of addresses
  int64_t tmp_bytes = 16 << 20;      // of /tmp, and of any one file
  size_t output_bytes = 64 << 10;    // of either stream; whoever writes more is killed
};

struct SandboxRun {
  int exit_code = -1;       // −1 where a signal ended it
  bool timed_out = false;   // of wall time or CPU seconds
  bool overflowed = false;  // more output than allowed
  std::string out, err;
};

class Sandbox {
 public:
  // Finds `interpreter` as a shell does, and runs a program that tries to leave. Error: kUnsupported, saying what this machine lacks
  // (no user namespaces, no such interpreter, …); then nothing may be run.
  static Result<std::shared_ptr<const Sandbox>> Open(const std::string& interpreter = "python3");

  // Errors: kUnavailable (the sandbox could not be made this time; the program did not run).
  Result<SandboxRun> Run(const std::string& program, const SandboxLimits& limits = {}) const;

  // "CPython 3.11.7": part of what a score means.
  const std::string& interpreter() const { return version_; }

 private:
  std::string program_, version_;
  std::vector<std::string> shown_;  // folders of the machine that are there, read-only
};

}  // namespace plumb::eval
