// Where the commands find a guard and its encoder.
#pragma once

#include <memory>
#include <string>

#include "cli/verbs.h"
#include "runtime/guard/guard.h"
#include "runtime/guard/train.h"

namespace plumb::cli {

struct LoadedGuard {
  fs::path folder;  // empty: patterns alone
  std::unique_ptr<guard::Classifier> encoder;
  std::unique_ptr<guard::Guard> guard;  // refers to `encoder`
};

// `folder`, or guard/ beside the policy, or the shipped guard; patterns alone where there is none of them. With
// `use_encoder` the guard's encoder is started where it has one.
Result<LoadedGuard> LoadGuard(const Globals& globals, const std::string& folder, bool use_encoder);

// Fine-tunes `base` on the set's rows into folder/encoder by a job of plumb-lm, and opens it. Null, with a line on
// standard error, where plumb-lm is not built.
Result<std::unique_ptr<guard::Classifier>> TrainEncoder(const guard::TrainingSet& set, const fs::path& folder, const std::string& base, uint64_t seed);

}  // namespace plumb::cli
