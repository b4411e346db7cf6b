// A model written as a Hugging Face folder: dequantised, adapters merged in, with its tokenizer and template.
#pragma once

#include "model/lm/causal_lm.h"
#include "model/lm/tokenizer.h"

namespace plumb::lm {

// Writes config.json, generation_config.json, model.safetensors (float32), tokenizer.json and tokenizer_config.json.
// Errors: kConflict (`folder` has a model already), kIo, kUnsupported.
Status ExportHuggingFace(const CausalLm& model, const Tokenizer& tokenizer, const fs::path& folder);

}  // namespace plumb::lm
