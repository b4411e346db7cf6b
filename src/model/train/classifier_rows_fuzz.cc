// Any bytes as the guard's training rows: rows or an error, and never a crash.
#include <cstdint>
#include <cstdlib>

#include "model/train/classifier_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb::train;
  const auto rows = ParseClassifierRows(std::string_view(reinterpret_cast<const char*>(data), size),
                                        "fuzz.jsonl");
  if (!rows) return 0;
  for (const ClassifierRow& row : *rows)
    for (const auto& [head, label] : row.labels)
      if (!(label >= 0 && label <= 1)) std::abort();
  return 0;
}
