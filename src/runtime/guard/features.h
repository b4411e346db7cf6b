// Text → hashed features of the linear model: word 1–3-grams and character 3–5-grams.
//
// Words are runs of ASCII letters and digits and of bytes ≥ 0x80 (whole UTF-8 code points), in lower case; apostrophes
// inside a word vanish ("can't" is "cant"). Word n-grams know where the text begins and ends; character n-grams stay
// inside one word with a mark at each side. The hash is FNV-1a over the bytes, folded to kBucketBits.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace plumb::guard {

inline constexpr int kBucketBits = 18;
inline constexpr uint32_t kBuckets = 1u << kBucketBits;

// For vectors that are written after they are made larger: leaves new elements as they are.
template <class T>
struct Unfilled : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = Unfilled<U>;
  };
  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Values>
  void construct(U* place, Values&&... values) {
    ::new (static_cast<void*>(place)) U(std::forward<Values>(values)...);
  }
};
using Buckets = std::vector<uint32_t, Unfilled<uint32_t>>;

// Bucket numbers, repeated where a feature occurs more than once. Two groups, each scaled to length 1 by the model
// (1 / sqrt(size)), so that long texts do not shout.
struct Features {
  Buckets words;
  Buckets chars;
};

// Clears and fills `features`; keeping one object between calls saves its allocations.
void ExtractFeatures(std::string_view text, Features& features);

// Their parts, for who keeps what a word's letters give (words.h takes a text apart).
inline constexpr uint64_t kFnvOffset = 0xcbf29ce484222325ull, kFnvPrime = 0x100000001b3ull;
constexpr uint64_t Mix(uint64_t hash, unsigned char byte) { return (hash ^ byte) * kFnvPrime; }
constexpr uint64_t HashOf(std::string_view bytes, uint64_t seed) {
  uint64_t hash = kFnvOffset ^ seed;
  for (const char byte : bytes) hash = Mix(hash, static_cast<unsigned char>(byte));
  return hash;
}
constexpr uint32_t Fold(uint64_t hash) {
  hash ^= hash >> 32;
  hash *= 0x9E3779B97F4A7C15ull;
  return static_cast<uint32_t>(hash >> (64 - kBucketBits));
}

// A word between its marks: "<bomb>".
constexpr uint64_t HashOfWord(std::string_view marked) { return HashOf(marked, 1); }

// How many n-grams of characters a marked word of so many bytes has, and they themselves, written from `next` on;
// returns where the next would go.
constexpr size_t CharGramsOf(size_t marked) { return (marked - 2) + (marked > 3 ? marked - 3 : 0) + (marked > 4 ? marked - 4 : 0); }
uint32_t* PutCharGrams(std::string_view marked, uint32_t* next);

// The n-grams of several words, word by word: at most two a word, and one after the last.
class WordChain {
 public:
  // Those that end with the word of this hash, except the word alone.
  uint32_t* Put(uint64_t hash, uint32_t* next) {
    *next++ = Fold(previous_ * 31 + hash);
    if (any_) *next++ = Fold((before_ * 31 + previous_) * 31 + hash);
    before_ = previous_;
    previous_ = hash;
    any_ = true;
    return next;
  }
  uint32_t* PutEnd(uint32_t* next) const {
    if (any_) *next++ = Fold(previous_ * 31 + HashOfWord("</s>"));
    return next;
  }

 private:
  uint64_t previous_ = HashOfWord("<s>"), before_ = 0;
  bool any_ = false;
};

}  // namespace plumb::guard
