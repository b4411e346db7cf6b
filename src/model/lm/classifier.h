// An encoder with heads: texts in, one probability a head out.
//
// A classifier lives in an adapter folder: adapter_config.json has the usual LoRA keys and, beside them,
//   "task_type": "SEQ_CLS", "heads": ["violence", "hate", …], "pooling": "mean" | "cls", "max_tokens": 256
// and adapter_model.safetensors holds, beside the LoRA tensors, for every head NAME
//   "classifier.NAME.weight" [1, hidden] and "classifier.NAME.bias" [1].
// A head's score is sigmoid(weight · pooled + bias). Head names hold no dot.
#pragma once

#include "model/lm/encoder.h"

namespace plumb::lm {

struct ClassifierHeads {
  std::vector<std::string> names;
  at::Tensor weight;             // [heads, hidden] float32
  at::Tensor bias;               // [heads]
  std::string pooling = "mean";  // "mean" or "cls"
  int64_t max_tokens = 256;      // a longer text is cut into windows of this many tokens; the highest score counts
};

// pooled [texts, hidden] → logits [texts, heads]; differentiable.
at::Tensor HeadLogits(const ClassifierHeads& heads, const at::Tensor& pooled);

// Writes the folder: heads, and the adapters on `encoder`'s projections. `config` gives rank, alpha and targets.
Status SaveClassifier(const fs::path& folder, AdapterConfig config, const ClassifierHeads& heads, Encoder& encoder);
// Puts the folder's adapter on `encoder` and returns its heads. Errors as AttachAdapter; kCorrupt where a head listed
// in the configuration has no tensors, or tensors are not listed.
Result<ClassifierHeads> LoadClassifier(const fs::path& folder, Encoder& encoder);

}  // namespace plumb::lm
