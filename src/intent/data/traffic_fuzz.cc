// Any bytes under any format: no crash, an end, and every error placed.
#include <cstdlib>

#include "intent/data/traffic.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto format = static_cast<plumb::data::TrafficFormat>(data[0] % 4);
  plumb::data::TrafficReader reader(std::string(reinterpret_cast<const char*>(data) + 1, size - 1),
                                    "fuzz", format);
  // Every call takes at least one byte of the file or one row that was read from it.
  for (size_t calls = 0;; ++calls) {
    if (calls > 4 * size + 4) std::abort();
    const auto one = reader.Next();
    if (one && !*one) break;
    if (!one && !one.error().where.starts_with("fuzz:")) std::abort();
  }
  return 0;
}
