// A model written as a Hugging Face folder: dequantised, adapters merged in, with its tokenizer and template.
#pragma once

#include "model/lm/causal_lm.h"
#include "model/lm/tokenizer.h"

namespace plumb::lm {

// Writes config.json, generation_config.json, model.safetensors (float32), tokenizer.json and tokenizer_config.json.
// All of them or nothing. Errors: kConflict (`out` is there and not empty), kIo, kUnsupported.
Status ExportHuggingFace(const CausalLm& model, const Tokenizer& tokenizer, const fs::path& out);
// The same with these tensors (all of the model's, by Hugging Face's names) in place of the model's own.
Status ExportHuggingFace(const CausalLm& model, const std::map<std::string, at::Tensor>& tensors, const Tokenizer& tokenizer,
                         const fs::path& out);

}  // namespace plumb::lm
