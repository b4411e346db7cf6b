#include "intent/policy/split.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <unordered_map>

#include "base/core/core.h"

namespace plumb::policy {
namespace {

// Lower-case words; a character of a script written without spaces (U+2E80 and up) is a word of its own.
std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  auto end_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    if (length == 1) {
      if (std::isalnum(byte)) {
        word += static_cast<char>(std::tolower(byte));
      } else if (byte != '\'') {
        end_word();
      }
    } else if (length >= 3 && (byte > 0xE2 || (byte == 0xE2 && static_cast<unsigned char>(text[i + 1]) >= 0xBA))) {
      end_word();
      words.emplace_back(text.substr(i, length));
    } else if (byte == 0xE2) {  // dashes and quotation marks
      end_word();
    } else {
      word += text.substr(i, length);
    }
    i += length;
  }
  end_word();
  return words;
}

// The set of words and of pairs of neighbours, hashed.
std::vector<uint64_t> Shingles(std::string_view text) {
  const std::vector<std::string> words = Words(text);
  std::vector<uint64_t> out;
  const std::hash<std::string> hash;
  for (size_t i = 0; i < words.size(); ++i) {
    out.push_back(hash(words[i]));
    if (i + 1 < words.size()) out.push_back(hash(words[i] + ' ' + words[i + 1]));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

class Families {
 public:
  explicit Families(size_t n) : parent_(n) { std::iota(parent_.begin(), parent_.end(), size_t{0}); }
  size_t Find(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  // The lower index stays the head.
  void Join(size_t a, size_t b) {
    a = Find(a), b = Find(b);
    if (a != b) parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<size_t> parent_;
};

// Of two sorted sets.
double Jaccard(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  size_t both = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) ++both;
    const bool step_a = a[i] <= b[j], step_b = b[j] <= a[i];
    i += step_a, j += step_b;
  }
  return static_cast<double>(both) / static_cast<double>(a.size() + b.size() - both);
}

// Each text as ranks of its shingles, rarest first, so that the first few tell texts apart.
std::vector<std::vector<uint32_t>> RankedShingles(const std::vector<std::string_view>& texts) {
  std::vector<std::vector<uint64_t>> shingles;
  std::unordered_map<uint64_t, uint32_t> frequency;
  for (std::string_view text : texts) {
    shingles.push_back(Shingles(text));
    for (uint64_t each : shingles.back()) ++frequency[each];
  }
  std::vector<std::pair<uint32_t, uint64_t>> order;
  for (const auto& [shingle, count] : frequency) order.emplace_back(count, shingle);
  std::sort(order.begin(), order.end());
  std::unordered_map<uint64_t, uint32_t> rank;
  for (const auto& [count, shingle] : order) rank.emplace(shingle, static_cast<uint32_t>(rank.size()));
  std::vector<std::vector<uint32_t>> out;
  for (const auto& each : shingles) {
    std::vector<uint32_t> ranks;
    for (uint64_t shingle : each) ranks.push_back(rank.at(shingle));
    std::sort(ranks.begin(), ranks.end());
    out.push_back(std::move(ranks));
  }
  return out;
}

}  // namespace

std::vector<size_t> NearDuplicateFamilies(const std::vector<std::string_view>& texts, double threshold) {
  const auto ranked = RankedShingles(texts);
  Families families(texts.size());
  // Two sets as similar as the threshold share one of the first |set| - ceil(threshold * |set|) + 1 shingles of each.
  std::unordered_map<uint32_t, std::vector<size_t>> posted;
  for (size_t i = 0; i < ranked.size(); ++i) {
    const auto& own = ranked[i];
    const size_t prefix = own.size() - static_cast<size_t>(std::ceil(threshold * static_cast<double>(own.size()))) + (own.empty() ? 0 : 1);
    for (size_t k = 0; k < prefix; ++k) {
      std::vector<size_t>& others = posted[own[k]];
      for (size_t other : others)
        if (families.Find(i) != families.Find(other) && Jaccard(own, ranked[other]) >= threshold) families.Join(i, other);
      others.push_back(i);
    }
  }
  std::vector<size_t> heads(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) heads[i] = families.Find(i);
  return heads;
}

}  // namespace plumb::policy
