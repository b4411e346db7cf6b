// Any bytes: no crash, and every span inside the original.
#include <cstdlib>

#include "runtime/guard/normalise.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const plumb::guard::Normalised n = plumb::guard::Normalise(text);
  for (const auto& layer : n.layers) {
    if (layer.text.empty()) continue;
    const plumb::guard::Span span = layer.Source(0, layer.text.size());
    if (span.begin >= span.end || span.end > size) std::abort();
    for (size_t i = 0; i < layer.text.size(); i += 1 + layer.text.size() / 64) {
      const plumb::guard::Span one = layer.Source(i, i + 1);
      if (one.begin >= one.end || one.end > size) std::abort();
    }
  }
  return 0;
}
