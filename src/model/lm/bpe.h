// Byte-pair encoding (Sennrich et al. 2016), over bytes (GPT-2) or over characters with byte fallback (Llama 2).
#pragma once

#include "model/lm/gguf.h"
#include "model/lm/tokenizer.h"

namespace plumb::lm {

// From a parsed tokenizer.json, or from the metadata of a GGUF whose tokenizer model is "gpt2".
Result<std::unique_ptr<Tokenizer>> BpeFromJson(const json::object& root);
Result<std::unique_ptr<Tokenizer>> BpeFromGguf(const Gguf& gguf);

}  // namespace plumb::lm
