#include "runtime/guard/refusal_content.h"

#include <array>
#include <bit>
#include <cstring>

#include "runtime/guard/refusal_text.h"

namespace plumb::guard::refusal {
namespace {

// A word of at most eight bytes as one number.
constexpr uint64_t Packed(std::string_view word) {
  uint64_t value = 0;
  for (size_t i = 0; i < word.size(); ++i) value |= static_cast<uint64_t>(static_cast<unsigned char>(word[i])) << (8 * i);
  return value;
}

// Words that say nothing about what a prompt is about, each where its hash says or behind it.
constexpr int kStopBits = 7;
constexpr size_t StopPlace(uint64_t word) { return (word * 0x9E3779B97F4A7C15ull) >> (64 - kStopBits); }
constexpr auto kStopWords = [] {
  std::array<uint64_t, 1 << kStopBits> table{};
  for (const std::string_view word : {"what", "which", "when", "where", "that", "this", "with", "from", "have", "does", "would", "could", "should", "about",
                                      "your", "tell", "give", "write", "make", "please", "some", "they", "them", "there", "their", "into", "more", "most",
                                      "best", "explain", "describe", "list", "help", "like"}) {
    size_t place = StopPlace(Packed(word));
    while (table[place] != 0) place = (place + 1) % table.size();
    table[place] = Packed(word);
  }
  return table;
}();
bool SaysNothing(uint64_t word) {
  for (size_t place = StopPlace(word); kStopWords[place] != 0; place = (place + 1) % kStopWords.size())
    if (kStopWords[place] == word) return true;
  return false;
}

// What the prompt is about: its words of four letters and more, cut to five, which is roughly their stem.
class Subjects {
 public:
  explicit Subjects(std::string_view asked) {
    const Words words(asked);
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string_view word = words[i];
      if (word.size() < 4 || (word.size() <= 8 && SaysNothing(words.Eight(i)))) continue;
      Add(words.Eight(i) & (word.size() == 4 ? 0xFFFFFFFFu : 0xFFFFFFFFFFu));
    }
  }
  size_t size() const { return all_.size(); }

  // How many stand in `text`, anywhere; it need not be told exactly beyond `enough`.
  size_t CountIn(std::string_view text, size_t enough) const {
    std::vector<bool> met(all_.size());
    size_t count = 0;
    for (size_t at = 0; at + 4 <= text.size() && count < enough; ++at) {
      uint32_t four;
      std::memcpy(&four, text.data() + at, sizeof four);
      for (uint8_t i = first_[Place(four)]; i != 0; i = all_[i - 1].next) {
        const Subject& subject = all_[i - 1];
        if (static_cast<uint32_t>(subject.word) != four || met[i - 1]) continue;
        const auto fifth = static_cast<unsigned char>(subject.word >> 32);
        if (fifth != 0 && (at + 4 >= text.size() || static_cast<unsigned char>(text[at + 4]) != fifth)) continue;
        met[i - 1] = true;
        ++count;
      }
    }
    return count;
  }

 private:
  static_assert(std::endian::native == std::endian::little);  // a word's first letter is the lowest
  struct Subject {
    uint64_t word;
    uint8_t next;  // whose first four letters have the same place, from 1; 0: none
  };
  static size_t Place(uint32_t four) { return four * 0x9E3779B1u >> 21; }

  void Add(uint64_t word) {
    uint8_t& first = first_[Place(static_cast<uint32_t>(word))];
    for (uint8_t i = first; i != 0; i = all_[i - 1].next)
      if (all_[i - 1].word == word) return;
    if (all_.size() == UINT8_MAX) return;
    all_.push_back({word, first});
    first = static_cast<uint8_t>(all_.size());
  }

  std::vector<Subject> all_;
  std::array<uint8_t, 1 << 11> first_{};
};

}  // namespace

TaskContent TaskContentOf(const std::vector<std::string_view>& sentences, const std::vector<CueSet>& cues, const std::string& asked) {
  using enum RefusalCue;
  constexpr CueSet kTalk = Bit(kCannot) | Bit(kSorry) | Bit(kWrong) | Bit(kNoAccess) | Bit(kCrisis) | Bit(kOffer) | Bit(kMoral) |
                           Bit(kPersona) | Bit(kClarify);
  size_t all = 0, content = 0;
  std::string text;
  text.reserve(sentences.empty() ? 0 : static_cast<size_t>(sentences.back().end() - sentences.front().begin()) + sentences.size());
  for (size_t i = 0; i < cues.size(); ++i) {
    all += sentences[i].size();
    if (cues[i] & kTalk) continue;
    content += sentences[i].size();
    text += sentences[i];
    text += ' ';
  }
  TaskContent out;
  const double share = all ? static_cast<double>(content) / static_cast<double>(all) : 0;
  out.share = share <= 0 ? 0 : share < 0.25 ? 1 : share < 0.5 ? 2 : share < 0.75 ? 3 : 4;
  constexpr size_t kReadOfPrompt = 600;  // fewer words of four letters than a byte counts
  const Subjects subjects(std::string_view(asked).substr(0, kReadOfPrompt));
  if (subjects.size() == 0) return out;
  const size_t half = (subjects.size() + 1) / 2, met = subjects.CountIn(text, half);
  out.coverage = met == 0 ? 0 : met < half ? 1 : 2;
  return out;
}

}  // namespace plumb::guard::refusal
