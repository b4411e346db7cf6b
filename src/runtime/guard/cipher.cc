#include <algorithm>
#include <array>

#include "runtime/guard/ascii.h"
#include "runtime/guard/normalise.h"

namespace plumb::guard {
namespace {

// The words that tell running English from letters: if these are few, it is not English.
constexpr std::string_view kCommonWords[] = {
      "the", "be", "to", "of", "and", "a", "in", "that", "have", "it", "for", "not", "on", "with", "he", "as", "you", "do",
      "at", "this", "but", "his", "by", "from", "they", "we", "say", "her", "she", "or", "an", "will", "my", "one", "all",
      "would", "there", "their", "what", "so", "up", "out", "if", "about", "who", "get", "which", "go", "me", "when", "make",
      "can", "like", "time", "no", "just", "him", "know", "take", "people", "into", "your", "good", "some", "could", "them",
      "see", "other", "than", "then", "now", "look", "only", "come", "its", "over", "think", "also", "back", "after", "use",
      "two", "how", "our", "work", "first", "well", "way", "even", "new", "want", "because", "any", "these", "give", "day",
      "most", "us", "is", "are", "was", "were", "has", "had", "did", "does", "am", "i", "tell", "write", "explain", "show",
      "please", "steps", "step", "instructions", "create", "build", "without", "ignore", "previous", "all", "should", "need",
      "help", "where", "why", "someone", "something", "bomb", "kill", "hack", "steal", "weapon", "drug", "drugs", "attack"};
constexpr size_t kLongestCommon = 12;

// An open table, by first and last letters and length: every word of every text is looked up here.
class CommonWords {
 public:
  CommonWords() {
    for (const std::string_view word : kCommonWords) {
      size_t at = Place(word);
      while (!slots_[at].empty() && slots_[at] != word) at = (at + 1) % slots_.size();
      slots_[at] = word;
    }
  }
  bool Has(std::string_view word) const {
    for (size_t at = Place(word); !slots_[at].empty(); at = (at + 1) % slots_.size())
      if (slots_[at] == word) return true;
    return false;
  }

 private:
  static size_t Place(std::string_view word) {
    const auto letter = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(word[i]) & 31); };
    const size_t n = word.size();
    const uint32_t mixed = letter(0) | letter(n > 1 ? 1 : 0) << 5 | letter(n - 1) << 10 | letter(n / 2) << 15 | static_cast<uint32_t>(n) << 20;
    return mixed * 0x9E3779B1u >> 22;
  }
  std::array<std::string_view, 1024> slots_;
};

bool IsCommon(std::string_view word) {
  static const CommonWords words;
  return words.Has(word);
}

char Shift(char c, int by) {
  if (c >= 'a' && c <= 'z') return static_cast<char>('a' + (c - 'a' + by) % 26);
  if (c >= 'A' && c <= 'Z') return static_cast<char>('A' + (c - 'A' + by) % 26);
  return c;
}

struct Deciphering {
  size_t words = 0, common = 0;
  // Half of the words of running English are common ones; of other letters next to none.
  bool English() const { return words >= 3 && common * 3 >= words; }
  bool Foreign() const { return words >= 3 && common * 5 <= words; }
};

template <class Letter>
Deciphering Read(size_t n, Letter letter) {
  Deciphering reading;
  char word[kLongestCommon];
  size_t length = 0;
  for (size_t i = 0; i <= n; ++i) {
    const char c = ascii::Lower(i < n ? letter(i) : ' ');
    if (c >= 'a' && c <= 'z') {
      if (length < kLongestCommon) word[length] = c;
      ++length;
    } else if (length > 0) {
      ++reading.words;
      reading.common += length <= kLongestCommon && IsCommon({word, length});
      length = 0;
    }
  }
  return reading;
}

bool EndsPassage(char c) {
  switch (c) {
    case '\n': case '.': case ':': case ';': case '!': case '?': case '"': case '\'': case '(': case ')': case '[': case ']':
    case '{': case '}': case '<': case '>': case '`': return true;
    default: return false;
  }
}

// Passages judged on their own: a sentence, a quotation, what follows a colon.
std::vector<std::pair<size_t, size_t>> Passages(std::string_view text) {
  std::vector<std::pair<size_t, size_t>> out;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && !EndsPassage(text[i])) continue;
    if (i - begin >= 8) out.emplace_back(begin, i);
    begin = i + 1;
  }
  return out;
}

Layer Reversed(const Layer& layer, const std::vector<std::pair<size_t, size_t>>& passages) {
  LayerBuilder builder(layer, "reversed");
  size_t kept = 0;
  for (const auto& [begin, end] : passages) {
    builder.Keep(kept, begin);
    for (size_t i = end; i > begin;) {
      size_t from = i - 1;  // whole code points
      while (from > begin && (static_cast<unsigned char>(layer.text[from]) & 0xC0) == 0x80) --from;
      builder.Replace(from, i, std::string_view(layer.text).substr(from, i - from));
      i = from;
    }
    kept = end;
  }
  builder.Keep(kept, layer.text.size());
  return builder.Finish();
}

}  // namespace

std::vector<Layer> CipherLayers(const Layer& layer) {
  const std::string_view text = layer.text;
  std::vector<std::pair<size_t, size_t>> backwards;
  LayerBuilder rotated(layer, "rotated");
  size_t kept = 0;
  bool found = false;
  Deciphering known;        // of the passages together
  size_t judged = 0;    // bytes in them
  const auto judge = [&](size_t begin, size_t end) {
    const size_t n = end - begin;
    const Deciphering reading = Read(n, [&](size_t i) { return text[begin + i]; });
    known.words += reading.words;
    known.common += reading.common;
    judged += n;
    if (!reading.Foreign()) return;
    if (Read(n, [&](size_t i) { return text[end - 1 - i]; }).English()) {
      backwards.emplace_back(begin, end);
      return;
    }
    for (int k = 0; k < 25; ++k) {
      const int by = k == 0 ? 13 : k <= 12 ? k : k + 1;  // rot13 first
      if (!Read(n, [&](size_t i) { return Shift(text[begin + i], by); }).English()) continue;
      rotated.Keep(kept, begin);
      for (size_t i = begin; i < end; ++i) {
        const char c = Shift(text[i], by);
        rotated.Replace(i, i + 1, {&c, 1});
      }
      kept = end;
      found = true;
      return;
    }
  };
  // Shifts need looking at only in the head of a very long text's passages: 64 KiB keeps the work bounded.
  for (const auto& [begin, end] : Passages(text.substr(0, 65536))) judge(begin, end);
  std::vector<Layer> out;
  if (found) {
    rotated.Keep(kept, text.size());
    out.push_back(rotated.Finish());
  }
  // Where the passages have so many common words that the rest could not outweigh them, the whole is not foreign either.
  known.words += text.size() - judged;
  if (backwards.empty() && text.size() <= 65536 && known.Foreign() && Read(text.size(), [&](size_t i) { return text[i]; }).Foreign() &&
      Read(text.size(), [&](size_t i) { return text[text.size() - 1 - i]; }).English())
    backwards.emplace_back(0, text.size());
  if (!backwards.empty()) out.push_back(Reversed(layer, backwards));
  return out;
}

}  // namespace plumb::guard
