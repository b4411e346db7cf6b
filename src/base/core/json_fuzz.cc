// Any bytes: JSON or an error with a place; what parses has one canonical form, and that form is
// itself.
#include <cstdint>
#include <cstdlib>

#include "base/core/core.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)ParseJsonl(text, "fuzz.jsonl");
  (void)HexDecode(text);
  if (auto bytes = Base64Decode(text); bytes && Base64Encode(*bytes).size() > size + 4)
    std::abort();
  if (!IsUtf8(ToUtf8(text))) std::abort();
  (void)ParseTime(text);
  (void)ParseDuration(text);

  const auto value = ParseJson(text);
  if (!value) {
    if (value.error().message.empty() || value.error().where.empty()) std::abort();
    return 0;
  }
  const auto canonical = CanonicalJson(*value);
  if (!canonical) return 0;
  const auto again = ParseJson(*canonical);
  if (!again || CanonicalJson(*again).value_or("") != *canonical) std::abort();
  return 0;
}
