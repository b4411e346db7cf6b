// Whatever the bytes are: a policy or an error with a place, the same one each time, and never a
// crash.
#include <cstdint>
#include <cstdlib>

#include "intent/policy/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto policy =
      policy::ParsePolicy(text, "fuzz.yaml", "/nonexistent", {.region = "DE", .locale = "de-DE"});
  if (!policy) {
    if (policy.error().where.empty() || policy.error().message.empty()) std::abort();
    return 0;
  }
  if (policy->hash.size() != 64 || policy::ClauseIds(*policy).empty()) std::abort();
  policy::Examples(*policy);
  policy::RenderSystemPrompt(*policy);
  return 0;
}
