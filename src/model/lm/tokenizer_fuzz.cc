// Any bytes as tokenizer.json: a tokenizer that encodes any text, or an error.
#include <cstdint>
#include <cstdlib>

#include "model/lm/bpe.h"
#include "model/lm/wordpiece.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb;
  const auto root = ParseJson(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!root || !root->is_object()) return 0;
  for (auto make : {lm::BpeFromJson, lm::WordPieceFromJson}) {
    auto tokenizer = make(root->get_object());
    if (!tokenizer) continue;
    const auto ids = (*tokenizer)
                         ->Encode("abba <|x|> \u00C0\u00E9 12\n\n\xF0\x9F\x99\x82",
                                  {.special = true, .add_bos_eos = true});
    if (!IsUtf8((*tokenizer)->Decode(ids, true))) std::abort();
    std::vector<int32_t> types;
    if ((*tokenizer)->EncodePair("ab", "ba", &types).size() != types.size()) std::abort();
  }
  return 0;
}
