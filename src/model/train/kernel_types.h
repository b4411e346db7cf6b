// The plain structs that kernels take.
#pragma once

#include <stdint.h>

namespace plumb::train::kernels {

using Bf16 = uint16_t;

struct AttentionShape {
  long heads = 0, kv_heads = 0, head_dim = 0;
  bool causal = true;
  const float* cos = nullptr;  // [positions, head_dim / 2], null: no rotation
  const float* sin = nullptr;
  long width() const { return (heads + 2 * kv_heads) * head_dim; }
};

// Rows of tokens over nodes (token_trie.h): row b's token t is node node[begin[b] + t]; rows that
// begin alike share nodes. Row b computes queries from own[b] on; earlier ones belong to a row
// before it.
struct AttentionRows {
  long rows = 0, nodes = 0, positions = 0;
  const int32_t* begin = nullptr;  // [rows + 1]
  const int32_t* own = nullptr;    // [rows]
  const int32_t* node = nullptr;   // [positions]
  // The positions each node stands at: used[use_begin[i] … use_begin[i + 1]).
  const int32_t* use_begin = nullptr;  // [nodes + 1]
  const int32_t* used = nullptr;       // [positions]
  const int32_t* depth = nullptr;      // [nodes]: the node's place in its rows
  long longest = 0;
};

struct TokenStats {
  float logp = 0;        // log p(target)
  float entropy = 0;     // of the model's distribution
  float mean_logit = 0;  // over the vocabulary
  float kl = 0;          // KL(base ‖ model), where base logits were given
  bool top1 = false;     // the target is the most likely token
};

struct AdamWStep {
  double lr = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  int64_t step = 1;
  float grad_scale = 1;  // multiplies the gradient first (clipping)
};

}  // namespace plumb::train::kernels
