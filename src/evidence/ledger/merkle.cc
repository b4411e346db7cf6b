#include "evidence/ledger/merkle.h"

#include <bit>

#include "base/core/hash.h"

namespace plumb::ledger {
namespace {

// The largest power of two smaller than n (n > 1).
uint64_t SplitPoint(uint64_t n) { return std::bit_floor(n - 1); }

// MTH(D[begin:end]) where begin is a multiple of the largest power of two not above end - begin.
Result<std::string> RangeHash(const NodeReader& node, uint64_t begin, uint64_t end) {
  const uint64_t n = end - begin;
  if (std::has_single_bit(n)) {
    const int level = std::countr_zero(n);
    return node(level, begin >> level);
  }
  const uint64_t k = SplitPoint(n);
  PLUMB_TRY(auto left, RangeHash(node, begin, begin + k));
  PLUMB_TRY(auto right, RangeHash(node, begin + k, end));
  return NodeHash(left, right);
}

Status Path(const NodeReader& node, uint64_t index, uint64_t begin, uint64_t end, std::vector<std::string>& proof) {
  const uint64_t n = end - begin;
  if (n == 1) return {};
  const uint64_t k = SplitPoint(n);
  const bool in_left = index < begin + k;
  PLUMB_CHECK(in_left ? Path(node, index, begin, begin + k, proof) : Path(node, index, begin + k, end, proof));
  PLUMB_TRY(auto sibling, in_left ? RangeHash(node, begin + k, end) : RangeHash(node, begin, begin + k));
  proof.push_back(std::move(sibling));
  return {};
}

Status SubProof(const NodeReader& node, uint64_t m, uint64_t begin, uint64_t end, bool complete,
                std::vector<std::string>& proof) {
  const uint64_t n = end - begin;
  if (m == n) {
    if (complete) return {};
    PLUMB_TRY(auto hash, RangeHash(node, begin, end));
    proof.push_back(std::move(hash));
    return {};
  }
  const uint64_t k = SplitPoint(n);
  if (m <= k) {
    PLUMB_CHECK(SubProof(node, m, begin, begin + k, complete, proof));
    PLUMB_TRY(auto hash, RangeHash(node, begin + k, end));
    proof.push_back(std::move(hash));
  } else {
    PLUMB_CHECK(SubProof(node, m - k, begin + k, end, false, proof));
    PLUMB_TRY(auto hash, RangeHash(node, begin, begin + k));
    proof.push_back(std::move(hash));
  }
  return {};
}

}  // namespace

std::string LeafHash(std::string_view entry) { return Sha256(std::string(1, '\0').append(entry)); }
std::string NodeHash(std::string_view left, std::string_view right) {
  return Sha256(std::string(1, '\1').append(left).append(right));
}
std::string EmptyRoot() { return Sha256(""); }

Result<std::string> RootAt(const NodeReader& node, uint64_t size) {
  return size == 0 ? EmptyRoot() : RangeHash(node, 0, size);
}

Result<std::vector<std::string>> InclusionProof(const NodeReader& node, uint64_t index, uint64_t size) {
  if (index >= size) return Fail(Code::kInvalid, "entry {} is not in a tree of {} entries", index, size);
  std::vector<std::string> proof;
  PLUMB_CHECK(Path(node, index, 0, size, proof));
  return proof;
}

Result<std::vector<std::string>> ConsistencyProof(const NodeReader& node, uint64_t from, uint64_t to) {
  if (from == 0 || from > to)
    return Fail(Code::kInvalid, "no consistency proof from size {} to size {}: needs 0 < from <= to", from, to);
  std::vector<std::string> proof;
  PLUMB_CHECK(SubProof(node, from, 0, to, true, proof));
  return proof;
}

bool VerifyInclusion(std::string_view leaf_hash, uint64_t index, uint64_t size, const std::vector<std::string>& proof,
                     std::string_view root) {
  if (index >= size) return false;
  uint64_t fn = index, sn = size - 1;
  std::string r(leaf_hash);
  for (const std::string& p : proof) {
    if (sn == 0) return false;
    if ((fn & 1) || fn == sn) {
      r = NodeHash(p, r);
      while (!(fn & 1) && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      r = NodeHash(r, p);
    }
    fn >>= 1, sn >>= 1;
  }
  return sn == 0 && r == root;
}

bool VerifyConsistency(uint64_t from, uint64_t to, const std::vector<std::string>& proof, std::string_view from_root,
                       std::string_view to_root) {
  if (from == 0 || from > to) return false;
  if (from == to) return proof.empty() && from_root == to_root;
  std::vector<std::string> path = proof;
  if (std::has_single_bit(from)) path.insert(path.begin(), std::string(from_root));
  if (path.empty()) return false;
  uint64_t fn = from - 1, sn = to - 1;
  while (fn & 1) fn >>= 1, sn >>= 1;
  std::string fr = path[0], sr = path[0];
  for (size_t i = 1; i < path.size(); ++i) {
    const std::string& c = path[i];
    if (sn == 0) return false;
    if ((fn & 1) || fn == sn) {
      fr = NodeHash(c, fr);
      sr = NodeHash(c, sr);
      while (!(fn & 1) && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      sr = NodeHash(sr, c);
    }
    fn >>= 1, sn >>= 1;
  }
  return sn == 0 && fr == from_root && sr == to_root;
}

Result<Frontier> Frontier::Load(const NodeReader& node, uint64_t size) {
  Frontier frontier;
  frontier.size_ = size;
  frontier.edge_.resize(std::bit_width(size));
  uint64_t begin = 0;
  for (int level = std::bit_width(size) - 1; level >= 0; --level) {
    if (!(size >> level & 1)) continue;
    PLUMB_TRY(frontier.edge_[level], node(level, begin >> level));
    begin += uint64_t{1} << level;
  }
  return frontier;
}

std::string Frontier::Root() const {
  if (size_ == 0) return EmptyRoot();
  std::string root;
  for (size_t level = 0; level < edge_.size(); ++level) {
    if (!(size_ >> level & 1)) continue;
    root = root.empty() ? edge_[level] : NodeHash(edge_[level], root);
  }
  return root;
}

void Frontier::Append(const std::string& leaf_hash,
                      const std::function<void(int, uint64_t, const std::string&)>& write) {
  std::string hash = leaf_hash;
  uint64_t index = size_;
  int level = 0;
  write(0, index, hash);
  while (index & 1) {
    hash = NodeHash(edge_[level], hash);
    index >>= 1;
    write(++level, index, hash);
  }
  if (edge_.size() <= static_cast<size_t>(level)) edge_.resize(level + 1);
  edge_[level] = hash;
  ++size_;
}

}  // namespace plumb::ledger
