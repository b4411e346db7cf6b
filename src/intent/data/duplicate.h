// Near-duplicates and contamination: word 5-shingles, compared exactly where MinHash says that it is worth it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::data {

// Lower case (Unicode), letters and digits only, single spaces: what two texts are compared as.
std::string NormalizeForComparison(std::string_view text);

// Hashes of every five successive words, sorted, each once; a shorter text is one shingle.
std::vector<uint64_t> Shingles(std::string_view text, size_t words = 5);

// |A ∩ B| / |A ∪ B|, and the share of A that is in B.
double Jaccard(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b);
double Containment(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b);

struct NearPair {
  size_t first, second;  // first < second
  double jaccard;
};
// Pairs with a Jaccard similarity of shingles of at least `threshold`. Candidates come from MinHash (128 permutations in
// 32 bands: a pair at 0.5 is found with probability 0.87, at 0.7 with 0.9998), then the similarity is exact.
std::vector<NearPair> NearDuplicates(const std::vector<std::string>& texts, double threshold = 0.7);

struct Contaminated {
  size_t held_out;     // index into the held-out texts
  size_t training;     // index into the training texts
  double containment;  // share of the held-out text's shingles found in the training text
};
// Held-out texts that are in training texts: the worst match of each with a containment of at least `threshold`. Exact.
std::vector<Contaminated> FindContamination(const std::vector<std::string>& held_out,
                                            const std::vector<std::string>& training, double threshold = 0.5);

// The same from the other side: which training texts hold a held-out one.
std::vector<bool> ContaminatedRows(const std::vector<std::string>& held_out, const std::vector<std::string>& training,
                                   double threshold = 0.5);

// Everything a person wrote or a model said in a row of any known layout (prompt, messages, question, chosen, …), one
// text; for comparison only.
std::string RowText(const json::object& row);
// Only what was asked: the prompt, question or user turns.
std::string RowPrompt(const json::object& row);

}  // namespace plumb::data
