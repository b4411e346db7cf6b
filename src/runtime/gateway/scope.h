// Requests that are not ours to answer (policy: `scope`).
//
// A policy names a handful of examples, too few to train or calibrate anything on. So only what says nearly the same as
// one of its `out` examples, and less nearly what an `in` example says, is acted on: Jaccard similarity of words and word
// pairs of at least kScopeSimilar, the policy's own measure of near-duplicates. Everything else is left to the system
// prompt, which names them too. Immutable and safe to use from any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "intent/policy/policy.h"

namespace plumb::gateway {

inline constexpr double kScopeSimilar = 0.6;

using Grams = std::vector<uint64_t>;

class ScopeExamples {
 public:
  ScopeExamples() = default;
  explicit ScopeExamples(const policy::Policy& policy);
  bool Outside(std::string_view request) const;

 private:
  std::vector<Grams> in_, out_;
  size_t most_ = 0;  // no request with more grams than this is near any of out_
};

}  // namespace plumb::gateway
