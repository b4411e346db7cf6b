// The Merkle tree of RFC 9162 §2.1 (as RFC 6962): hashes, proofs and their verification, over any store of nodes.
//
// Hashes are 32 raw bytes. A node (level, index) covers the leaves [index·2^level, (index+1)·2^level); only complete
// ones are stored. All functions are pure; a NodeReader may fail.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/core/result.h"

namespace plumb::ledger {

std::string LeafHash(std::string_view entry);                            // SHA-256(0x00 ‖ entry)
std::string NodeHash(std::string_view left, std::string_view right);     // SHA-256(0x01 ‖ left ‖ right)
std::string EmptyRoot();                                                 // SHA-256("")

// The hash of a complete node.
using NodeReader = std::function<Result<std::string>(int level, uint64_t index)>;

Result<std::string> RootAt(const NodeReader& node, uint64_t size);
// PATH(index, D[size]), RFC 9162 §2.1.3.1. Error: kInvalid unless index < size.
Result<std::vector<std::string>> InclusionProof(const NodeReader& node, uint64_t index, uint64_t size);
// PROOF(from, D[to]), RFC 9162 §2.1.4.1. Error: kInvalid unless 0 < from <= to.
Result<std::vector<std::string>> ConsistencyProof(const NodeReader& node, uint64_t from, uint64_t to);

// RFC 9162 §2.1.3.2 and §2.1.4.2.
bool VerifyInclusion(std::string_view leaf_hash, uint64_t index, uint64_t size, const std::vector<std::string>& proof,
                     std::string_view root);
bool VerifyConsistency(uint64_t from, uint64_t to, const std::vector<std::string>& proof, std::string_view from_root,
                       std::string_view to_root);

// The right edge of a growing tree: enough to append and to know the root, nothing else.
class Frontier {
 public:
  Frontier() = default;
  // The frontier of a stored tree of `size` leaves.
  static Result<Frontier> Load(const NodeReader& node, uint64_t size);

  uint64_t size() const { return size_; }
  std::string Root() const;
  // Adds a leaf; `write` is called for every node that becomes complete, the leaf first.
  void Append(const std::string& leaf_hash,
              const std::function<void(int level, uint64_t index, const std::string& hash)>& write);

 private:
  uint64_t size_ = 0;
  std::vector<std::string> edge_;  // edge_[k]: the complete node of 2^k leaves at the right edge, if bit k of size_ is set
};

}  // namespace plumb::ledger
