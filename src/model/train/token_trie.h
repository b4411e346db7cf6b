// A batch of token sequences in which equal beginnings are computed once.
//
// In a causal model a token's state depends on the tokens before it alone. Sequences that begin
// alike (the chat template, the prompt that a chosen and a rejected answer share) therefore share
// the nodes of a tree; each node is computed once, without padding, and its gradient is the sum
// over the sequences through it. Nothing is approximated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/train/kernel_types.h"

namespace plumb::train {

class TokenTrie {
 public:
  // `share` false gives each sequence nodes of its own (encoders, whose tokens see both ways). One
  // more sequence, of which nothing is asked, fills the nodes up to a multiple of kNodes: matrix
  // products are compiled for each height.
  explicit TokenTrie(const std::vector<std::vector<int32_t>>& sequences, bool share = true);
  static constexpr size_t kNodes = 64;

  int64_t nodes() const { return static_cast<int64_t>(ids_.size()); }
  const std::vector<int64_t>& ids() const { return ids_; }      // [nodes] token ids
  const std::vector<int32_t>& depth() const { return depth_; }  // [nodes] positions
  int64_t Node(size_t sequence, size_t token) const { return node_[begin_[sequence] + token]; }
  // Views into this object.
  kernels::AttentionRows Rows() const;

 private:
  std::vector<int64_t> ids_;
  std::vector<int32_t> depth_, begin_, own_, node_, use_begin_, used_;
  int32_t longest_ = 0;
};

}  // namespace plumb::train
