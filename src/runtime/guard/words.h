// A text as the words that the linear model reads (features.h), in one pass and without a look at each letter.
//
//   WordStream words("I can't");
//   for (auto word = words.Next(); !word.empty(); word = words.Next()) …  // "i", "cant"
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace plumb::guard {

// So many bytes more than a word's letters may be read.
inline constexpr size_t kWordPadding = 24;

constexpr size_t MostWords(std::string_view text) { return text.size() / 2 + 1; }

// The text's bytes of words in lower case and zeros in place of all others, and kWordPadding zeros after them. In memory of
// this thread, until the next call.
const char* FoldText(std::string_view text);

// Eight bytes as a number, the first the lowest.
inline uint64_t EightAt(const char* at) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t eight;
  std::memcpy(&eight, at, sizeof eight);
  return eight;
}

// The highest bit of its first zero byte, and maybe of later ones; 0 where none is zero.
constexpr uint64_t ZeroByte(uint64_t eight) { return (eight - 0x0101010101010101) & ~eight & 0x8080808080808080; }
constexpr size_t FirstByte(uint64_t bits) { return static_cast<size_t>(std::countr_zero(bits)) / 8; }

// How many bytes come before the first zero; there must be one, and fifteen more may be read after it. Words are of any
// length, and a jump for each would be guessed wrong: sixteen bytes are looked at without one.
inline size_t BytesBeforeZero(const char* at) {
  for (size_t n = 0;; n += 16) {
    const uint64_t low = ZeroByte(EightAt(at + n)), high = ZeroByte(EightAt(at + n + 8));
    if ((low | high) != 0) return n + (low != 0 ? FirstByte(low) : 8 + FirstByte(high));
  }
}

// One text at a time in a thread: its folded bytes are in the thread's memory.
class WordStream {
 public:
  explicit WordStream(std::string_view text) : at_(FoldText(text)), begin_(at_), end_(at_ + text.size()), text_(text) {}

  // The next word; nothing at the end. kWordPadding bytes more may be read, and hold nothing of worth.
  [[gnu::always_inline]] std::string_view Next() {
    for (;; at_ += sizeof(uint64_t)) {
      if (at_ >= end_) return {};
      if (const uint64_t eight = EightAt(at_); eight != 0) {
        at_ += FirstByte(eight);
        break;
      }
    }
    const char* const word = at_;
    at_ += BytesBeforeZero(at_);
    if (JoinsHere()) [[unlikely]] return Joined(word);
    return {word, at_};
  }

 private:
  // Whether an apostrophe stands here and the word goes on after it.
  bool JoinsHere() const { return at_ < end_ && text_[static_cast<size_t>(at_ - begin_)] == '\'' && at_[1] != 0; }
  std::string_view Joined(const char* word);

  const char* at_;
  const char* const begin_;
  const char* const end_;
  const std::string_view text_;
  std::string joined_;  // a word without its apostrophes
};

}  // namespace plumb::guard
