#include "model/train/token_trie.h"

#include <algorithm>
#include <unordered_map>

namespace plumb::train {

TokenTrie::TokenTrie(const std::vector<std::vector<int32_t>>& sequences, bool share) {
  std::unordered_map<uint64_t, int32_t> children;  // (parent + 1, token) → node
  begin_.push_back(0);
  for (const auto& sequence : sequences) {
    int32_t parent = -1, own = static_cast<int32_t>(sequence.size());
    for (size_t t = 0; t < sequence.size(); ++t) {
      const int32_t next = static_cast<int32_t>(ids_.size());
      int32_t node = next;
      if (share) {
        const uint64_t key =
            (static_cast<uint64_t>(parent + 1) << 32) | static_cast<uint32_t>(sequence[t]);
        node = children.try_emplace(key, next).first->second;
      }
      if (node == next) {
        ids_.push_back(sequence[t]);
        depth_.push_back(static_cast<int32_t>(t));
        own = std::min(own, static_cast<int32_t>(t));
      }
      node_.push_back(node);
      parent = node;
    }
    own_.push_back(own);
    begin_.push_back(static_cast<int32_t>(node_.size()));
    longest_ = std::max(longest_, static_cast<int32_t>(sequence.size()));
  }
  if (ids_.size() % kNodes != 0) {
    own_.push_back(0);
    for (int32_t t = 0; ids_.size() % kNodes != 0; ++t) {
      node_.push_back(static_cast<int32_t>(ids_.size()));
      ids_.push_back(0);
      depth_.push_back(t);
      longest_ = std::max(longest_, t + 1);
    }
    begin_.push_back(static_cast<int32_t>(node_.size()));
  }
  use_begin_.assign(ids_.size() + 1, 0);
  for (int32_t node : node_) ++use_begin_[node + 1];
  for (size_t i = 0; i < ids_.size(); ++i) use_begin_[i + 1] += use_begin_[i];
  used_.resize(node_.size());
  std::vector<int32_t> next(use_begin_.begin(), use_begin_.end() - 1);
  for (size_t p = 0; p < node_.size(); ++p) used_[next[node_[p]]++] = static_cast<int32_t>(p);
}

kernels::AttentionRows TokenTrie::Rows() const {
  kernels::AttentionRows rows;
  rows.rows = static_cast<long>(own_.size());
  rows.nodes = nodes();
  rows.positions = static_cast<long>(node_.size());
  rows.begin = begin_.data();
  rows.own = own_.data();
  rows.node = node_.data();
  rows.use_begin = use_begin_.data();
  rows.used = used_.data();
  rows.depth = depth_.data();
  rows.longest = longest_;
  return rows;
}

}  // namespace plumb::train
