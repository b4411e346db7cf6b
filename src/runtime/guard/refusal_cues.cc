#include "runtime/guard/refusal_cues.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/core/text.h"

namespace plumb::guard::refusal {
namespace {

// The lexicon's phrases, each alone, found by their first two bytes.
struct Phrase {
  RefusalCue cue;
  std::string_view text;
};
struct PhraseTable {
  std::vector<Phrase> phrases;  // sorted by key
  std::vector<uint16_t> start;  // of each key; one more at the end
};
uint32_t KeyOf(std::string_view two) { return static_cast<unsigned char>(two[0]) << 8 | static_cast<unsigned char>(two[1]); }
const PhraseTable& Phrases() {
  static const auto* table = [] {
    auto* made = new PhraseTable;
    for (const auto& lexicon : {EnglishRefusalPhrases(), OtherRefusalPhrases()}) {
      for (const RefusalPhrase& entry : lexicon) {
        for (std::string_view phrase : Split(entry.phrases, '|')) made->phrases.push_back({entry.cue, phrase});
      }
    }
    std::ranges::stable_sort(made->phrases, {}, [](const Phrase& phrase) { return KeyOf(phrase.text); });
    made->start.assign(0x10001, 0);
    for (const Phrase& phrase : made->phrases) ++made->start[KeyOf(phrase.text) + 1];
    for (size_t key = 1; key < made->start.size(); ++key) made->start[key] += made->start[key - 1];
    return made;
  }();
  return *table;
}

}  // namespace

CueSet CuesOf(std::string_view sentence, const std::string& asked, CueSet* at_start) {
  const PhraseTable& table = Phrases();
  CueSet found = 0;
  for (size_t at = 0; at + 1 < sentence.size(); ++at) {
    const uint32_t key = KeyOf(sentence.substr(at, 2));
    for (size_t i = table.start[key]; i < table.start[key + 1]; ++i) {
      const Phrase& phrase = table.phrases[i];
      // Most differ in the third or fourth letter: told without a call.
      const size_t n = phrase.text.size(), last = std::min<size_t>(n - 1, 4);
      if (sentence.size() - at < n || sentence[at + last] != phrase.text[last] || sentence[at + n - 1] != phrase.text.back()) continue;
      if (sentence.substr(at, n) != phrase.text) continue;
      // ASCII phrases must stand as words: "sure" is not in "pressure".
      const bool ascii = static_cast<unsigned char>(phrase.text.front()) < 0x80;
      if (ascii && at > 0 && std::isalnum(static_cast<unsigned char>(sentence[at - 1]))) continue;
      if (phrase.text.size() > 6 && asked.find(phrase.text) != std::string::npos) continue;
      found |= Bit(phrase.cue);
      if (at < 12) *at_start |= Bit(phrase.cue);
    }
  }
  return found;
}

}  // namespace plumb::guard::refusal
