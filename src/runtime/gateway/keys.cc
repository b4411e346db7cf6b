#include "runtime/gateway/keys.h"

#include <algorithm>

#include "base/core/hash.h"

namespace plumb::gateway {

std::string NewKey() {
  std::string text = Base64Encode(RandomBytes(32));
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return "plumb-" + text;
}

std::string HashKey(std::string_view key) { return Sha256Hex(key); }

const Key* FindKey(const std::vector<Key>& keys, std::string_view key) {
  const std::string hash = HashKey(key);
  const Key* found = nullptr;
  for (const Key& known : keys) {
    unsigned difference = known.sha256.size() == hash.size() ? 0 : 1;
    for (size_t i = 0; i < std::min(hash.size(), known.sha256.size()); ++i) {
      difference |= static_cast<unsigned char>(hash[i] ^ known.sha256[i]);
    }
    if (difference == 0) found = &known;
  }
  return found;
}

}  // namespace plumb::gateway
