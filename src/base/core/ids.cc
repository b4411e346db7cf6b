#include "base/core/ids.h"

#include "base/core/hash.h"

namespace plumb {

std::string NewId(std::string_view prefix, Time now) {
  static constexpr char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const uint64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  std::string id(prefix);
  if (!id.empty()) id += '_';
  for (int shift = 45; shift >= 0; shift -= 5) id += kAlphabet[(ms >> shift) & 31];
  const std::string random = RandomBytes(16);
  for (int i = 0; i < 16; ++i) id += kAlphabet[static_cast<unsigned char>(random[i]) & 31];
  return id;
}

}  // namespace plumb
