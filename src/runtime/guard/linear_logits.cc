// What a text's n-grams add up to. Most words have been read before: what their letters came to is kept, for each thread,
// with the letters themselves, since whoever writes texts could write two words of one hash.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "runtime/guard/features.h"
#include "runtime/guard/linear.h"
#include "runtime/guard/words.h"

namespace plumb::guard {
namespace {

constexpr size_t kWidth = LinearModel::kWidth;

// So many weights fit into 16 bits together.
constexpr size_t kBlock = 256;

// Rows lie anywhere in megabytes: each is asked for when its bucket is found, and again so many before it is added.
constexpr size_t kAhead = 24;

// A word's letters with zeros after them, and in the last two bytes the number of the weights.
using KnownLetters = std::array<uint64_t, 3>;
constexpr size_t kLongestKnown = sizeof(KnownLetters) - sizeof(uint16_t);
static_assert(sizeof(KnownLetters) <= kWordPadding);

// Which bytes belong to a word of so many.
constexpr auto kMasks = [] {
  std::array<KnownLetters, kLongestKnown + 1> masks{};
  for (size_t size = 0; size < masks.size(); ++size)
    for (size_t byte = 0; byte < size; ++byte) masks[size][byte / 8] |= uint64_t{0xFF} << 8 * (byte % 8);
  return masks;
}();

KnownLetters KnownLettersOf(std::string_view word, uint16_t weights) {
  const KnownLetters& mask = kMasks[word.size()];
  const char* const at = word.data();
  return {EightAt(at) & mask[0], EightAt(at + 8) & mask[1], (EightAt(at + 16) & mask[2]) | uint64_t{weights} << 48};
}

// Two cache lines.
struct alignas(64) KnownWord {
  KnownLetters letters;
  uint64_t hash;
  int16_t chars[kWidth];  // of its n-grams of characters together
  int8_t word[kWidth];    // of itself

  bool Is(const KnownLetters& others) const { return ((letters[0] ^ others[0]) | (letters[1] ^ others[1]) | (letters[2] ^ others[2])) == 0; }
};
static_assert(sizeof(KnownWord) == 128 && CharGramsOf(kLongestKnown + 2) * 127 <= INT16_MAX);

// So many words a thread keeps, a megabyte.
constexpr int kWordBits = 13;

size_t PlaceOf(const KnownLetters& letters) {
  return (letters[0] * 0x9E3779B97F4A7C15ull ^ letters[1] * 0xC2B2AE3D27D4EB4Full ^ letters[2] * 0x165667B19E3779F9ull) >> (64 - kWordBits);
}

struct Sums {
  int32_t words[kWidth] = {}, chars[kWidth] = {};
};

// Loops that the compiler makes as wide as the processor is told to be.
[[gnu::always_inline]] inline void AddRows(std::span<const uint32_t> buckets, const int8_t* weights, size_t stride, int32_t* sums) {
  for (size_t head = 0; head < stride; head += kWidth) {
    for (size_t begin = 0; begin < buckets.size(); begin += kBlock) {
      int16_t block[kWidth] = {};
      const size_t end = std::min(begin + kBlock, buckets.size());
      for (size_t i = begin; i < end; ++i) {
        __builtin_prefetch(weights + buckets.data()[i + kAhead] * stride + head);
        const int8_t* row = weights + buckets[i] * stride + head;
        for (size_t h = 0; h < kWidth; ++h) block[h] = static_cast<int16_t>(block[h] + row[h]);
      }
      for (size_t h = 0; h < kWidth; ++h) sums[head + h] += block[h];
    }
  }
}

[[gnu::always_inline]] inline void AddWords(std::span<KnownWord* const> words, Sums& sums) {
  int32_t of_words[kWidth] = {}, of_chars[kWidth] = {};
  for (const KnownWord* word : words) {
    for (size_t h = 0; h < kWidth; ++h) of_words[h] += word->word[h];
    for (size_t h = 0; h < kWidth; ++h) of_chars[h] += word->chars[h];
  }
  for (size_t h = 0; h < kWidth; ++h) sums.words[h] += of_words[h];
  for (size_t h = 0; h < kWidth; ++h) sums.chars[h] += of_chars[h];
}

// Adds the rows of `buckets` to `sums`, of `stride` heads; kAhead more buckets may be read behind them.
struct Adders {
  void (*rows)(std::span<const uint32_t> buckets, const int8_t* weights, size_t stride, int32_t* sums);
  void (*words)(std::span<KnownWord* const> words, Sums& sums);
};
void AddRowsAnywhere(std::span<const uint32_t> buckets, const int8_t* weights, size_t stride, int32_t* sums) { AddRows(buckets, weights, stride, sums); }
void AddWordsAnywhere(std::span<KnownWord* const> words, Sums& sums) { AddWords(words, sums); }
#ifdef __x86_64__
[[gnu::target("avx2")]] void AddRowsWide(std::span<const uint32_t> buckets, const int8_t* weights, size_t stride, int32_t* sums) {
  AddRows(buckets, weights, stride, sums);
}
[[gnu::target("avx2")]] void AddWordsWide(std::span<KnownWord* const> words, Sums& sums) { AddWords(words, sums); }
const Adders kAdd = __builtin_cpu_supports("avx2") ? Adders{AddRowsWide, AddWordsWide} : Adders{AddRowsAnywhere, AddWordsAnywhere};
#else
const Adders kAdd = {AddRowsAnywhere, AddWordsAnywhere};
#endif

void AskAhead(Buckets& buckets) { buckets.resize(buckets.size() + kAhead, 0); }

// Reads one text for weights of kWidth heads.
class Reader {
 public:
  Reader(const int8_t* weights, uint16_t id) : weights_(weights), id_(id) {}

  void Read(std::string_view text) {
    thread_local Buckets several;  // the n-grams of several words
    several.resize(2 * MostWords(text) + 1 + kAhead);
    next_ = several.data();
    WordStream words(text);
    for (auto word = words.Next(); !word.empty(); word = words.Next()) {
      ++word_count;
      char_count += CharGramsOf(word.size() + 2);
      word.size() <= kLongestKnown && id_ != 0 ? Ask(word) : AddUnknown(word);
    }
    AddAsked();
    next_ = grams_.PutEnd(next_);
    word_count += AddAll(several, next_, sums.words);
    AddAll(rest_, rest_.data() + rest_.size(), sums.chars);
  }

  Sums sums;
  size_t word_count = 0, char_count = 0;

 private:
  // Where a word is kept, or may be; it is looked at when several have been asked for, and the memory had time to come.
  void Ask(std::string_view word) {
    if (asked_ == kAtOnce) AddAsked();
    letters_[asked_] = KnownLettersOf(word, id_);
    sizes_[asked_] = static_cast<uint8_t>(word.size());
    const KnownWord* place = places_[asked_] = kept_ + PlaceOf(letters_[asked_]);
    ++asked_;
    __builtin_prefetch(place);
    __builtin_prefetch(&place->word);
  }

  void AddAsked() {
    size_t added = 0;
    for (size_t i = 0; i < asked_; ++i) {
      KnownWord& known = *places_[i];
      if (!known.Is(letters_[i])) [[unlikely]] {
        kAdd.words({places_ + added, i - added}, sums);  // the word that was here may be among them
        added = i;
        Learn(letters_[i], sizes_[i], known);
      }
      const uint32_t* found = next_;
      next_ = grams_.Put(known.hash, next_);
      for (; found < next_; ++found) __builtin_prefetch(weights_ + *found * kWidth);
    }
    kAdd.words({places_ + added, asked_ - added}, sums);
    asked_ = 0;
  }

  void AddUnknown(std::string_view word) {
    AddAsked();  // n-grams of words go by their order
    Mark(word);
    const size_t before = rest_.size();
    rest_.resize(before + CharGramsOf(marked_.size()));
    PutCharGrams(marked_, rest_.data() + before);
    const uint64_t hash = HashOfWord(marked_);
    const int8_t* row = weights_ + Fold(hash) * kWidth;
    for (size_t h = 0; h < kWidth; ++h) sums.words[h] += row[h];
    next_ = grams_.Put(hash, next_);
  }

  void Learn(const KnownLetters& letters, size_t size, KnownWord& known) {
    Mark({reinterpret_cast<const char*>(letters.data()), size});
    known.letters = letters;
    known.hash = HashOfWord(marked_);
    uint32_t grams[CharGramsOf(kLongestKnown + 2) + kAhead];
    uint32_t* const end = PutCharGrams(marked_, grams);
    std::fill_n(end, kAhead, 0);
    int32_t of_chars[kWidth] = {};
    kAdd.rows(std::span<const uint32_t>(grams, end), weights_, kWidth, of_chars);
    std::copy(std::begin(of_chars), std::end(of_chars), known.chars);
    std::memcpy(known.word, weights_ + Fold(known.hash) * kWidth, kWidth);
  }

  size_t AddAll(Buckets& buckets, const uint32_t* end, int32_t* to) {
    const size_t n = static_cast<size_t>(end - buckets.data());
    buckets.resize(n);
    AskAhead(buckets);
    kAdd.rows(std::span(buckets).first(n), weights_, kWidth, to);
    return n;
  }

  void Mark(std::string_view letters) { marked_.assign(1, '<').append(letters).push_back('>'); }

  static KnownWord* Kept() {
    thread_local std::vector<KnownWord> words(size_t{1} << kWordBits);
    return words.data();
  }

  const int8_t* const weights_;
  const uint16_t id_;
  KnownWord* const kept_ = Kept();
  static constexpr size_t kAtOnce = 32;
  KnownLetters letters_[kAtOnce];
  uint8_t sizes_[kAtOnce];
  KnownWord* places_[kAtOnce];
  size_t asked_ = 0;
  WordChain grams_;
  uint32_t* next_ = nullptr;
  Buckets rest_;  // the n-grams of characters of words that are not kept
  std::string marked_;
};

}  // namespace

std::vector<float> LinearModel::Logits(std::string_view text) const {
  std::vector<float> logits(bias_);
  const auto add = [&](size_t count, const int32_t* sums) {
    if (count == 0) return;
    const float length = 1 / std::sqrt(static_cast<float>(count));
    for (size_t h = 0; h < heads_.size(); ++h) logits[h] += static_cast<float>(sums[h]) * scales_[h] * length;
  };
  if (stride_ == kWidth) {
    Reader reader(weights_.data(), id_);
    reader.Read(text);
    add(reader.word_count, reader.sums.words);
    add(reader.char_count, reader.sums.chars);
    return logits;
  }
  Features features;
  ExtractFeatures(text, features);
  for (Buckets* buckets : {&features.words, &features.chars}) {
    const size_t n = buckets->size();
    AskAhead(*buckets);
    std::vector<int32_t> sums(stride_);
    kAdd.rows(std::span(*buckets).first(n), weights_.data(), stride_, sums.data());
    add(n, sums.data());
  }
  return logits;
}

}  // namespace plumb::guard
