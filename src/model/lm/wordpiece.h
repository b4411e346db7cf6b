// WordPiece with BERT's cleaning and splitting (Devlin et al. 2018).
#pragma once

#include "model/lm/tokenizer.h"

namespace plumb::lm {

// From a parsed tokenizer.json.
Result<std::unique_ptr<Tokenizer>> WordPieceFromJson(const json::object& root);

}  // namespace plumb::lm
