// Keys of applications and people: made once, kept as hashes; what each may do and use.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/core/core.h"
#include "runtime/gateway/budget.h"

namespace plumb::gateway {

// One of a key's secrets. A key being rotated has two: the new one, and the old one until it expires.
struct KeyHash {
  std::string sha256;           // hex, of the whole key
  std::optional<Time> expires;  // from then on it is refused
};

struct Key {
  std::string name;  // "console", "shop-frontend"
  std::vector<KeyHash> hashes;
  std::string role = "application";  // application | reviewer | operator | auditor | administrator
  std::string team;                  // in Teams; empty: none
  std::vector<std::string> models;   // that it may ask for, '*' matches any run of characters; empty: all
  std::vector<std::string> routes;   // paths it may call: "/v1/chat/completions"; empty: what its role may
  LimitSet limits;
};

struct Team {
  std::string name;
  LimitSet limits;  // of its keys together
};

// What a caller may do. The table of roles is in keys.cc; docs/gateway.md shows it.
enum class Right {
  kAsk,      // call models, moderate, list models, see own exchanges
  kRead,     // everybody's exchanges, policy, ledger, reports, the console
  kReview,   // release, edit or refuse what is held
  kOperate,  // start and stop what runs, reload
  kMeasure,  // /metrics
};
bool May(std::string_view role, Right right);

// "plumb-" and 43 characters of base64url: 256 random bits.
std::string NewKey();
// The hash that is kept. The key is long and random, so a plain SHA-256 cannot be guessed backwards.
std::string HashKey(std::string_view key);

// All keys, found by their secrets. Immutable.
class KeyRing {
 public:
  KeyRing() = default;
  explicit KeyRing(std::vector<Key> keys, std::vector<Team> teams = {});

  bool empty() const { return keys_.empty(); }
  size_t size() const { return keys_.size(); }
  const std::vector<Key>& keys() const { return keys_; }
  // The owner of a secret. Takes the same time wherever the secret differs from one that is known. Error: kPermission
  // (unknown, expired).
  Result<const Key*> Find(std::string_view secret, Time now) const;
  // nullptr where there is none.
  const Team* TeamOf(const Key& key) const;
  // Whether any key or team has a limit.
  bool limited() const;

 private:
  struct Place {
    size_t key, hash;
  };
  std::vector<Key> keys_;
  std::vector<Team> teams_;
  std::unordered_map<std::string, Place> by_hash_;
};

}  // namespace plumb::gateway
