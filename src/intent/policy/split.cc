#include "intent/policy/split.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <unordered_map>

#include "base/core/core.h"

namespace plumb::policy {
namespace {

// The hashes of its lower-case words; a character of a script written without spaces (U+2E80 and
// up) is a word of its own.
std::vector<uint64_t> Words(std::string_view text) {
  std::vector<uint64_t> words;
  std::string word;
  const std::hash<std::string_view> hash;
  auto end_word = [&] {
    if (!word.empty()) words.push_back(hash(word));
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
    } else if (length >= 3 &&
               (byte > 0xE2 || (byte == 0xE2 && static_cast<unsigned char>(text[i + 1]) >= 0xBA))) {
      end_word();
      words.push_back(hash(text.substr(i, length)));
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
  const std::vector<uint64_t> words = Words(text);
  std::vector<uint64_t> out = words;
  for (size_t i = 0; i + 1 < words.size(); ++i)  // the order of two counts, and a pair is no word
    out.push_back((words[i] * 0x9E3779B97F4A7C15u + words[i + 1]) * 0xC2B2AE3D27D4EB4Fu + 1);
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

// How many values two sorted sets share; 0 as soon as they cannot share `least`.
size_t Shared(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b, size_t least) {
  size_t both = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (both + std::min(a.size() - i, b.size() - j) < least) return 0;
    if (a[i] == b[j]) ++both;
    const bool step_a = a[i] <= b[j], step_b = b[j] <= a[i];
    i += step_a, j += step_b;
  }
  return both;
}

double Jaccard(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b, size_t least) {
  const size_t both = Shared(a, b, least);
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
  for (uint32_t rank = 0; rank < order.size(); ++rank) frequency[order[rank].second] = rank;
  std::vector<std::vector<uint32_t>> out;
  for (const auto& each : shingles) {
    std::vector<uint32_t>& ranks = out.emplace_back();
    ranks.reserve(each.size());
    for (uint64_t shingle : each) ranks.push_back(frequency.find(shingle)->second);
    std::sort(ranks.begin(), ranks.end());
  }
  return out;
}

}  // namespace

std::vector<size_t> NearDuplicateFamilies(const std::vector<std::string_view>& texts,
                                          double threshold) {
  const auto ranked = RankedShingles(texts);
  Families families(texts.size());
  // Two sets as similar as the threshold share one of the first |set| - ceil(threshold * |set|) + 1
  // shingles of each (Chaudhuri et al. 2006). A pair is looked at once, where its first shared
  // shingle stands: from there on both must hold enough for the rest (Xiao et al. 2008).
  struct Post {
    uint32_t text, at, size;
  };
  const double needed = threshold / (1 + threshold);    // of |a| + |b|, to be shared
  std::vector<std::vector<Post>> posted;                // by shingle
  std::vector<uint32_t> met(texts.size(), UINT32_MAX);  // the last text it was compared with
  for (uint32_t i = 0; i < ranked.size(); ++i) {
    const auto& own = ranked[i];
    const auto size = static_cast<uint32_t>(own.size());
    const size_t prefix =
        size - static_cast<size_t>(std::ceil(threshold * size)) + (own.empty() ? 0 : 1);
    if (!own.empty() && own.back() >= posted.size()) posted.resize(own.back() + 1);
    for (uint32_t k = 0; k < prefix; ++k) {
      std::vector<Post>& others = posted[own[k]];
      for (const Post& post : others) {
        const auto least =
            static_cast<uint32_t>(needed * (size + post.size));  // rounded down: exact below
        if (std::min(size - k, post.size - post.at) < least || met[post.text] == i) continue;
        met[post.text] = i;
        if (families.Find(i) != families.Find(post.text) &&
            Jaccard(own, ranked[post.text], least) >= threshold)
          families.Join(i, post.text);
      }
      others.push_back({i, k, size});
    }
  }
  std::vector<size_t> heads(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) heads[i] = families.Find(i);
  return heads;
}

}  // namespace plumb::policy
