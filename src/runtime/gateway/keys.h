// Keys of applications and people: made once, kept as hashes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plumb::gateway {

struct Key {
  std::string name;               // "console", "shop-frontend"
  std::string sha256;             // hex, of the whole key
  std::string role = "application";  // application | reviewer | operator | auditor | administrator
};

// "plumb-" and 43 characters of base64url: 256 random bits.
std::string NewKey();
// The hash that is kept. The key is long and random, so a plain SHA-256 cannot be guessed backwards.
std::string HashKey(std::string_view key);
// The key's owner, or nullptr. Takes the same time wherever the key differs.
const Key* FindKey(const std::vector<Key>& keys, std::string_view key);

}  // namespace plumb::gateway
