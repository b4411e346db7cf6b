// Any bytes as an example file: every row is an example or a problem with a place, and never a
// crash.
#include <cstdint>
#include <cstdlib>

#include "intent/policy/example_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb::policy;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Problems problems;
  for (const ExampleRow& row : ParseExampleRows(text, "fuzz.jsonl", problems))
    if (row.text().empty() || row.place.line < 1) std::abort();
  for (const auto& problem : problems)
    if (problem.where.empty()) std::abort();
  return 0;
}
