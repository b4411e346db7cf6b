// Text → hashed features of the linear model: word 1–3-grams and character 3–5-grams.
//
// Words are runs of ASCII letters and digits and of bytes ≥ 0x80 (whole UTF-8 code points), in lower case; apostrophes
// inside a word vanish ("can't" is "cant"). Word n-grams know where the text begins and ends; character n-grams stay
// inside one word with a mark at each side. The hash is FNV-1a over the bytes, folded to kBucketBits.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace plumb::guard {

inline constexpr int kBucketBits = 18;
inline constexpr uint32_t kBuckets = 1u << kBucketBits;

// Bucket numbers, repeated where a feature occurs more than once. Two groups, each scaled to length 1 by the model
// (1 / sqrt(size)), so that long texts do not shout.
struct Features {
  std::vector<uint32_t> words;
  std::vector<uint32_t> chars;
};

// Clears and fills `features`; keeping one object between calls saves its allocations.
void ExtractFeatures(std::string_view text, Features& features);

}  // namespace plumb::guard
