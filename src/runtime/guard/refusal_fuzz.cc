// Any completion and prompt: a score between 0 and 1, the same one each time.
#include <cstdint>
#include <cstdlib>

#include "runtime/guard/refusal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb::guard;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t cut = text.find('\n');
  const std::string_view prompt = cut == text.npos ? "" : text.substr(0, cut);
  const std::string_view completion = cut == text.npos ? text : text.substr(cut + 1);
  const double score = RefusalScore(completion, prompt);
  if (!(score >= 0 && score <= 1) || RefusalScore(completion, prompt) != score) std::abort();
  return 0;
}
