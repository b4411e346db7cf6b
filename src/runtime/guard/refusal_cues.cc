#include "runtime/guard/refusal_cues.h"

#include <algorithm>
#include <bit>
#include <bitset>
#include <cstring>
#include <span>
#include <vector>

#include "base/core/text.h"
#include "runtime/guard/ascii.h"

namespace plumb::guard::refusal {
namespace {

// The lexicon's phrases, each alone, found by their first four bytes, or all of them where they have fewer.
struct Phrase {
  RefusalCue cue;
  std::string_view text;
  uint32_t head;  // these bytes as a number
};
// At most the first four bytes, as a number; 0 for those that are not there.
uint32_t HeadOf(std::string_view text) {
  uint32_t head = 0;
  if (text.size() >= sizeof head) {
    std::memcpy(&head, text.data(), sizeof head);
  } else {
    std::memcpy(&head, text.data(), text.size());
  }
  return head;
}
struct PhraseTable {
  static constexpr int kBits = 14;
  std::vector<Phrase> phrases;               // sorted by place
  std::vector<uint16_t> start;               // of each place; one more at the end
  std::bitset<size_t{1} << kBits> heads[5];  // by how many bytes were hashed
  static size_t Place(uint32_t head) { return head * 0x9E3779B1u >> (32 - kBits); }
  static_assert(std::endian::native == std::endian::little);  // the first byte is the lowest
  // Most words begin like no phrase.
  bool May(const uint32_t (&begins)[3]) const {
    return heads[2][Place(begins[0])] | heads[3][Place(begins[1])] | heads[4][Place(begins[2])];
  }
  std::span<const Phrase> At(size_t place) const { return std::span(phrases).subspan(start[place], start[place + 1] - start[place]); }
};
const PhraseTable& Phrases() {
  static const auto* table = [] {
    auto* made = new PhraseTable;
    for (const auto& lexicon : {EnglishRefusalPhrases(), OtherRefusalPhrases()}) {
      for (const RefusalPhrase& entry : lexicon) {
        for (std::string_view phrase : Split(entry.phrases, '|')) made->phrases.push_back({entry.cue, phrase, HeadOf(phrase)});
      }
    }
    const auto place = [](const Phrase& phrase) { return PhraseTable::Place(phrase.head); };
    std::ranges::sort(made->phrases, {}, place);
    made->start.assign((size_t{1} << PhraseTable::kBits) + 1, 0);
    for (const Phrase& phrase : made->phrases) {
      made->heads[std::min<size_t>(phrase.text.size(), sizeof phrase.head)][place(phrase)] = true;
      ++made->start[place(phrase) + 1];
    }
    for (size_t i = 1; i < made->start.size(); ++i) made->start[i] = static_cast<uint16_t>(made->start[i] + made->start[i - 1]);
    return made;
  }();
  return *table;
}

}  // namespace

CueSet CuesOf(std::string_view sentence, const std::string& asked, CueSet* at_start) {
  const PhraseTable& table = Phrases();
  CueSet found = 0;
  const auto in_word = [&](size_t at) { return ascii::IsAlnum(sentence[at]); };
  for (size_t at = 0; at + 1 < sentence.size(); ++at) {
    // ASCII phrases must stand as words: "sure" is not in "pressure", and no phrase begins with what ends a word.
    if (at > 0 && in_word(at - 1)) {
      while (at < sentence.size() && in_word(at)) ++at;
      if (at + 1 >= sentence.size()) break;
      if (static_cast<unsigned char>(sentence[at]) < 0x80) continue;
    }
    const std::string_view rest = sentence.substr(at);
    const uint32_t head = HeadOf(rest);
    const uint32_t begins[] = {head & 0xFFFF, head & 0xFFFFFF, head};
    if (!table.May(begins)) continue;
    for (const uint32_t begin : begins) {
      for (const Phrase& phrase : table.At(PhraseTable::Place(begin))) {
        if (phrase.head != begin || !rest.starts_with(phrase.text)) continue;
        if (phrase.text.size() > 6 && asked.find(phrase.text) != std::string::npos) continue;
        found |= Bit(phrase.cue);
        if (at < 12) *at_start |= Bit(phrase.cue);
      }
    }
  }
  return found;
}

}  // namespace plumb::guard::refusal
