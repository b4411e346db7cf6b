// The other side of a sandbox: what the new process does before it becomes the interpreter. Private to sandbox.cc.
#pragma once

#include <cstdint>

namespace plumb::eval {

// A folder or link that the program finds at `path` of its own file system.
struct ShownPath {
  const char* path;         // "/usr"
  const char* link;         // where a link points to; nullptr: the folder that the machine has there
};

// Everything made before the process is, because between its birth and exec it may call nothing but the kernel.
struct SandboxPlan {
  static constexpr int kMostShown = 16;
  const char* id_map;       // "1000 0 1\n"
  const char* gid_map;
  const ShownPath* shown;   // at most kMostShown
  int shown_count;
  const char* tmp_options;  // "size=16777216,mode=1777"
  int input, output, error; // to become 0, 1 and 2
  int report;               // where a step that failed is written: its number and errno; closed on exec
  int64_t cpu_seconds, memory_bytes, file_bytes;
  char* const* arguments;
  char* const* environment;
};

// Never returns. Runs in a process made with the namespaces of kSandboxNamespaces.
[[noreturn]] void EnterSandbox(const SandboxPlan& plan);

extern const unsigned long kSandboxNamespaces;

// What the number of a step that failed means.
const char* SandboxStepName(int step);

}  // namespace plumb::eval
