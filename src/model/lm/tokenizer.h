// Text to token ids and back: byte-level BPE (GPT-2, SmolLM2, Llama 3, Qwen), BPE with byte fallback (Llama 2,
// Mistral) and WordPiece (BERT), equal to the reference (Hugging Face tokenizers) on the golden strings of
// tests/goldens/lm.
//
//   PLUMB_TRY(auto tokenizer, Tokenizer::Load(path));     // a Hugging Face folder, or a .gguf
//   std::vector<int32_t> ids = tokenizer->Encode("Hello", {.special = false});
//   std::string text = tokenizer->Decode(ids);
//
// Const methods are thread-safe. Text that is not UTF-8 has its malformed bytes replaced by U+FFFD first.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/core.h"

namespace plumb::lm {

struct EncodeOptions {
  // Whether control tokens written out in the text ("<|im_end|>") become those tokens. Keep false for text from
  // outside: true lets it forge the structure of a conversation.
  bool special = false;
  bool add_bos_eos = false;  // what the tokenizer puts around a whole text ([CLS] … [SEP], <s>)
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Errors: kNotFound, kCorrupt, kUnsupported (a component we do not know, named).
  static Result<std::unique_ptr<Tokenizer>> Load(const fs::path& model);

  virtual std::vector<int32_t> Encode(std::string_view text, const EncodeOptions& options = {}) const = 0;
  // Both texts with the model's separators, and which text each token belongs to (0 or 1).
  virtual std::vector<int32_t> EncodePair(std::string_view a, std::string_view b, std::vector<int32_t>* types) const = 0;
  // The bytes a token adds to a text; they may be part of a character. Control tokens add nothing unless `special`.
  virtual std::string TokenBytes(int32_t id, bool special = false) const = 0;
  std::string Decode(const std::vector<int32_t>& ids, bool special = false) const;

  virtual int32_t vocab_size() const = 0;
  // The id of a token as written in the vocabulary ("<|im_end|>"), or nothing.
  virtual std::optional<int32_t> FindToken(std::string_view token) const = 0;
  virtual bool IsSpecial(int32_t id) const = 0;

  // The model's own chat template (Jinja), empty where it has none; and the texts of its bos and eos tokens.
  std::string chat_template, bos_token, eos_token;
};

// Collects token bytes and hands out whole characters: a character split over tokens is held until it is complete.
class Utf8Stream {
 public:
  std::string Push(std::string_view bytes);
  // What is left, malformed bytes replaced by U+FFFD.
  std::string Finish();

 private:
  std::string held_;
};

}  // namespace plumb::lm
