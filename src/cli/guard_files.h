// Where the commands find a guard and its encoder.
#pragma once

#include <memory>
#include <string>

#include "cli/config.h"
#include "cli/verbs.h"
#include "runtime/guard/guard.h"
#include "runtime/guard/llm_judge.h"

namespace plumb::cli {

struct LoadedGuard {
  fs::path folder;  // empty: patterns alone
  std::unique_ptr<guard::Classifier> encoder, aligned;
  std::unique_ptr<guard::LlmJudge> judge;
  std::unique_ptr<guard::Guard> guard;  // refers to all three
};

// The guard's folder: the one plumb.yaml names, or guard/ beside the policy, or the shipped guard; empty where there is none.
fs::path FindGuard(const Config& config, const fs::path& policy);

// The guard in `folder`, or where that is empty in FindGuard's; patterns alone where there is none. With `use_encoder` its
// encoder and its aligned model are started where it has them.
Result<LoadedGuard> LoadGuard(const Globals& globals, const std::string& folder, bool use_encoder);

// Flags shared by the verbs that use a guard.
struct GuardFlags {
  std::string folder;
  bool without_encoder = false;

  void Add(CLI::App& command, Globals& globals);
  Result<LoadedGuard> Load(const Globals& globals) const { return LoadGuard(globals, folder, !without_encoder); }
};

}  // namespace plumb::cli
