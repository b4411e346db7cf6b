#include "runtime/guard/features.h"

#include <algorithm>
#include <string>

namespace plumb::guard {
namespace {

constexpr uint64_t kFnvOffset = 0xcbf29ce484222325ull, kFnvPrime = 0x100000001b3ull;

uint64_t Mix(uint64_t hash, unsigned char byte) { return (hash ^ byte) * kFnvPrime; }

uint64_t HashOf(std::string_view bytes, uint64_t seed) {
  uint64_t hash = kFnvOffset ^ seed;
  for (const unsigned char byte : bytes) hash = Mix(hash, byte);
  return hash;
}

uint32_t Fold(uint64_t hash) {
  hash ^= hash >> 32;
  hash *= 0x9E3779B97F4A7C15ull;
  return static_cast<uint32_t>(hash >> (64 - kBucketBits));
}

bool IsWordByte(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

// The hashes of 3, 4 and 5 characters in a row.
void AddChars(std::string_view word, std::vector<uint32_t>& out) {
  // `word` comes with its marks: "<bomb>". A word of one or two letters is its own feature already.
  const size_t before = out.size();
  if (word.size() < 3) return;
  out.resize(before + 3 * (word.size() - 2));
  uint32_t* next = out.data() + before;
  for (size_t begin = 0; begin + 3 <= word.size(); ++begin) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(word[begin + i]); };
    uint64_t hash = Mix(Mix(Mix(kFnvOffset ^ 0xC0, byte(0)), byte(1)), byte(2));
    *next++ = Fold(hash);
    if (begin + 4 > word.size()) break;
    hash = Mix(hash, byte(3));
    *next++ = Fold(hash);
    if (begin + 5 > word.size()) continue;
    *next++ = Fold(Mix(hash, byte(4)));
  }
  out.resize(static_cast<size_t>(next - out.data()));
}

}  // namespace

void ExtractFeatures(std::string_view text, Features& features) {
  features.words.clear();
  features.chars.clear();
  uint64_t previous = HashOf("<s>", 1), before = 0;
  bool has_before = false;
  std::string word;
  const auto add_word = [&](uint64_t hash) {
    features.words.push_back(Fold(hash));
    features.words.push_back(Fold(previous * 31 + hash));
    if (has_before) features.words.push_back(Fold((before * 31 + previous) * 31 + hash));
    before = previous;
    previous = hash;
    has_before = true;
  };
  for (size_t i = 0; i < text.size();) {
    if (!IsWordByte(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    word.assign(1, '<');
    for (; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (IsWordByte(c)) {
        word += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      } else if (c != '\'' || i + 1 >= text.size() || !IsWordByte(static_cast<unsigned char>(text[i + 1]))) {
        break;
      }
    }
    word += '>';
    add_word(HashOf(word, 1));
    AddChars(word, features.chars);
  }
  if (has_before) {
    const uint64_t end = HashOf("</s>", 1);
    features.words.push_back(Fold(previous * 31 + end));
  }
}

}  // namespace plumb::guard
