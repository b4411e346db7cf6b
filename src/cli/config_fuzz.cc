// Any bytes as plumb.yaml: a configuration or an error with a place, and never a crash.
#include <cstdint>
#include <cstdlib>

#include "cli/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = plumb::cli::ParseConfig(text, "fuzz.yaml", "/nonexistent");
  if (!config && config.error().message.empty()) std::abort();
  return 0;
}
