#include "runtime/guard/features.h"

#include <array>
#include <string>

#include "runtime/guard/words.h"

namespace plumb::guard {
namespace {

// The hashes of n-grams of characters after their first.
constexpr std::array<uint64_t, 256> kFirst = [] {
  std::array<uint64_t, 256> table{};
  for (size_t c = 0; c < 0x100; ++c) table[c] = Mix(kFnvOffset ^ 0xC0, static_cast<unsigned char>(c));
  return table;
}();

}  // namespace

// The hashes of 3, 4 and 5 characters in a row from each place of the word.
uint32_t* PutCharGrams(std::string_view marked, uint32_t* next) {
  const auto* word = reinterpret_cast<const unsigned char*>(marked.data());
  const auto three = [](const unsigned char* at) { return Mix(Mix(kFirst[at[0]], at[1]), at[2]); };
  const unsigned char* const end = word + marked.size();
  for (; word + 5 <= end; ++word) {
    const uint64_t hash = three(word), longer = Mix(hash, word[3]);
    *next++ = Fold(hash);
    *next++ = Fold(longer);
    *next++ = Fold(Mix(longer, word[4]));
  }
  if (word + 4 <= end) {
    const uint64_t hash = three(word);
    *next++ = Fold(hash);
    *next++ = Fold(Mix(hash, word[3]));
    ++word;
  }
  *next++ = Fold(three(word));
  return next;
}

void ExtractFeatures(std::string_view text, Features& features) {
  features.words.resize(3 * MostWords(text) + 1);
  features.chars.resize(3 * text.size());
  uint32_t *word = features.words.data(), *chars = features.chars.data();
  WordChain grams;
  WordStream words(text);
  std::string marked;
  for (auto letters = words.Next(); !letters.empty(); letters = words.Next()) {
    marked.assign(1, '<').append(letters).push_back('>');
    const uint64_t hash = HashOfWord(marked);
    *word++ = Fold(hash);
    word = grams.Put(hash, word);
    chars = PutCharGrams(marked, chars);
  }
  word = grams.PutEnd(word);
  features.words.resize(static_cast<size_t>(word - features.words.data()));
  features.chars.resize(static_cast<size_t>(chars - features.chars.data()));
}

}  // namespace plumb::guard
