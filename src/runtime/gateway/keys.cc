#include "runtime/gateway/keys.h"

#include <algorithm>

#include "base/core/hash.h"

namespace plumb::gateway {
namespace {

struct RoleRights {
  std::string_view role;
  bool ask, read, review, operate, measure;
};
constexpr RoleRights kRoles[] = {
    //                 ask    read   review operate measure
    {"application",   true,  false, false, false, false},
    {"reviewer",      false, true,  true,  false, false},
    {"operator",      false, true,  false, true,  true},
    {"auditor",       false, true,  false, false, true},
    {"administrator", true,  true,  true,  true,  true},
};

bool SameInConstantTime(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

bool May(std::string_view role, Right right) {
  const auto found = std::ranges::find(kRoles, role, &RoleRights::role);
  if (found == std::end(kRoles)) return false;
  switch (right) {
    case Right::kAsk: return found->ask;
    case Right::kRead: return found->read;
    case Right::kReview: return found->review;
    case Right::kOperate: return found->operate;
    case Right::kMeasure: return found->measure;
  }
  return false;
}

std::string NewKey() {
  std::string text = Base64Encode(RandomBytes(32));
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return "plumb-" + text;
}

std::string HashKey(std::string_view key) { return Sha256Hex(key); }

KeyRing::KeyRing(std::vector<Key> keys, std::vector<Team> teams) : keys_(std::move(keys)), teams_(std::move(teams)) {
  for (size_t key = 0; key < keys_.size(); ++key) {
    for (size_t hash = 0; hash < keys_[key].hashes.size(); ++hash) {
      by_hash_.emplace(keys_[key].hashes[hash].sha256, Place{key, hash});
    }
  }
}

// How long the look-up takes may tell how a hash begins, which says nothing about a secret that could have it; the
// comparison that decides takes the same time for all.
Result<const Key*> KeyRing::Find(std::string_view secret, Time now) const {
  const std::string hash = HashKey(secret);
  const auto found = by_hash_.find(hash);
  if (found == by_hash_.end() || !SameInConstantTime(found->first, hash)) {
    return Fail(Code::kPermission, "this key is not known here");
  }
  const Key& key = keys_[found->second.key];
  const KeyHash& known = key.hashes[found->second.hash];
  if (known.expires && now >= *known.expires) {
    return Fail(Code::kPermission, "this key of '{}' expired at {}", key.name, FormatTime(*known.expires));
  }
  return &key;
}

const Team* KeyRing::TeamOf(const Key& key) const {
  const auto found = std::ranges::find(teams_, key.team, &Team::name);
  return key.team.empty() || found == teams_.end() ? nullptr : &*found;
}

bool KeyRing::limited() const {
  const auto has = [](const auto& owner) { return !owner.limits.empty(); };
  return std::ranges::any_of(keys_, has) || std::ranges::any_of(teams_, has);
}

}  // namespace plumb::gateway
