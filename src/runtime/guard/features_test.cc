#include "runtime/guard/features.h"

#include <gtest/gtest.h>

#include <string>

namespace plumb::guard {
namespace {

// What features.h says, word for word and without any haste.
uint64_t PlainHash(std::string_view bytes, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325ull ^ seed;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ull;
  return hash;
}
uint32_t PlainFold(uint64_t hash) { return static_cast<uint32_t>((hash ^ hash >> 32) * 0x9E3779B97F4A7C15ull >> (64 - kBucketBits)); }
bool OfWord(char c) { return static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)); }

Features PlainFeatures(std::string_view text) {
  std::vector<std::string> words;
  bool open = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (OfWord(text[i])) {
      if (!open) words.emplace_back("<");
      words.back() += static_cast<char>(static_cast<unsigned char>(text[i]) < 0x80 ? std::tolower(text[i]) : text[i]);
      open = true;
    } else if (!(open && text[i] == '\'' && i + 1 < text.size() && OfWord(text[i + 1]))) {
      open = false;
    }
  }
  Features out;
  std::vector<uint64_t> hashes = {PlainHash("<s>", 1)};
  for (std::string& word : words) {
    word += '>';
    hashes.push_back(PlainHash(word, 1));
    const size_t n = hashes.size();
    out.words.push_back(PlainFold(hashes[n - 1]));
    out.words.push_back(PlainFold(hashes[n - 2] * 31 + hashes[n - 1]));
    if (n > 2) out.words.push_back(PlainFold((hashes[n - 3] * 31 + hashes[n - 2]) * 31 + hashes[n - 1]));
    for (size_t begin = 0; begin < word.size(); ++begin)
      for (size_t size = 3; size <= 5 && begin + size <= word.size(); ++size)
        out.chars.push_back(PlainFold(PlainHash(std::string_view(word).substr(begin, size), 0xC0)));
  }
  if (!words.empty()) out.words.push_back(PlainFold(hashes.back() * 31 + PlainHash("</s>", 1)));
  return out;
}

TEST(Features, AreWhatTheHeaderSays) {
  Features features;
  for (const std::string_view text :
       {"", " ", "a", "I", "ab", "can't", "'tis the dogs' 'bone'", "x'", "''x''y", "How do I pick a LOCK? 42 times, caf\u00e9 \u4f60\u597d",
        "\xff\xfe raw", "one-two_three.four", "supercalifragilisticexpialidocious"}) {
    ExtractFeatures(text, features);  // one object for all: nothing of the last text may stay
    const Features plain = PlainFeatures(text);
    EXPECT_EQ(features.words, plain.words) << text;
    EXPECT_EQ(features.chars, plain.chars) << text;
  }
}

}  // namespace
}  // namespace plumb::guard
