// Any answer and context: claims lie inside the answer, and a text is grounded in itself but for half a quotation.
#include <cstdint>
#include <cstdlib>

#include "runtime/guard/groundedness.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb::guard;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t cut = text.find('\0');
  const std::string_view answer = text.substr(0, cut), context = cut == text.npos ? "" : text.substr(cut + 1);
  const Groundedness g = CheckGrounding(answer, context);
  if (g.unsupported.size() > g.claims) std::abort();
  for (const Claim& claim : g.unsupported)
    if (claim.span.begin >= claim.span.end || claim.span.end > answer.size()) std::abort();
  for (const SentenceSupport& sentence : g.sentences)
    if (!(sentence.support >= 0 && sentence.support <= 1) || sentence.span.end > answer.size()) std::abort();
  return 0;
}
