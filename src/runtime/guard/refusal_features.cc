#include "runtime/guard/refusal_features.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cctype>
#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/guard/ascii.h"
#include "runtime/guard/refusal_content.h"
#include "runtime/guard/refusal_cues.h"
#include "runtime/guard/refusal_rules.h"
#include "runtime/guard/refusal_text.h"

namespace plumb::guard {
namespace {

using namespace refusal;

// Slots of the dense features. Cues have one slot for each of four places, and pairs.
enum Slot : uint32_t {
  kBias = 0,
  kCueFirst = 1,                                 // + cue: in the first sentence
  kCueOpening = kCueFirst + kRefusalCues,        // in the second and third
  kCueRest = kCueOpening + kRefusalCues,         // after them
  kCueLast = kCueRest + kRefusalCues,            // in the last sentence
  kCueAtStart = kCueLast + kRefusalCues,         // within the first 12 bytes
  kCannotLong = kCueAtStart + kRefusalCues,      // + length class: a cannot in the opening of a text that long
  kLength = kCannotLong + 6,                     // + length class
  kRules = kLength + 6,                          // + rule number
  kShapes = kRules + kMostRules,                 // + shape
  kPrompts = kShapes + 20,                       // + kind of prompt; again where there is a cannot up front
  kContent = kPrompts + 2 * kMostPromptKinds,    // + share of the answer that is about the task; again with a cannot
  kCoverage = kContent + 2 * 5,                  // + share of the prompt's words there; again with a cannot
  kPairs = kCoverage + 2 * 3,                    // + pair
};
enum CuePair : uint32_t { kComplyAlone, kNoCue, kNoCueFirstPerson, kNoCueShort, kCannotAndList, kCannotAndCode, kWrongToHow, kWrongToWhether,
                       kMoralAlone, kOnlyCannot, kCannotLate, kPremiseAlone, kPersonaAlone, kNoToWhether, kNoToOther, kCutRefusal, kWriteAndFirstPerson, kCrisisToHow, kOutrightNo, kAllQuoted, kAllQuotedText, kMoralToWhy, kWrongToAsk, kPairsEnd };
static_assert(uint32_t{kPairs} + kPairsEnd <= kRefusalDense);

constexpr size_t kSentences = 24;  // read of a long answer

// FNV-1a, taken on as text comes.
class Hash {
 public:
  explicit Hash(std::string_view kind) { Add(kind); }
  void Add(std::string_view text) {
    for (unsigned char c : text) state_ = (state_ ^ c) * 0x100000001B3ull;
  }
  uint32_t Bucket() const { return kRefusalDense + static_cast<uint32_t>((state_ ^ state_ >> 29) % kRefusalHashed); }

 private:
  uint64_t state_ = 0xCBF29CE484222325ull;
};

int LengthClass(size_t bytes) { return bytes < 40 ? 0 : bytes < 120 ? 1 : bytes < 250 ? 2 : bytes < 450 ? 3 : bytes < 900 ? 4 : 5; }

// Collects values by index; n-grams of one group share a length of 1 times the group's weight.
class Collector {
 public:
  void Dense(uint32_t slot, double value = 1) { dense_[slot] = std::max(dense_[slot], static_cast<float>(value)); }

  void Grams(const std::vector<uint32_t>& grams, double weight) {
    static thread_local std::bitset<kRefusalFeatures> seen;  // empty between calls
    const size_t before = order_.size();
    for (const uint32_t gram : grams) {
      if (seen[gram]) continue;
      seen[gram] = true;
      order_.push_back(gram << kGroupBits | static_cast<uint32_t>(values_.size()));
    }
    for (size_t i = before; i < order_.size(); ++i) seen[order_[i] >> kGroupBits] = false;
    values_.push_back(static_cast<float>(weight / std::sqrt(static_cast<double>(order_.size() - before))));
  }

  std::vector<RefusalFeature> Done() {
    std::vector<RefusalFeature> out;
    out.reserve(64 + order_.size());
    for (uint32_t i = 0; i < kRefusalDense; ++i) {
      if (dense_[i] != 0) out.push_back({i, dense_[i]});
    }
    std::ranges::sort(order_);
    for (const uint32_t each : order_) {
      const RefusalFeature gram{each >> kGroupBits, values_[each & ((1u << kGroupBits) - 1)]};
      if (out.back().index == gram.index) out.back().value += gram.value;
      else out.push_back(gram);
    }
    return out;
  }

 private:
  std::array<float, kRefusalDense> dense_{};
  static constexpr int kGroupBits = 3;
  std::vector<float> values_;     // of each group
  std::vector<uint32_t> order_;   // index and group
};

void WordGrams(std::string_view kind, const Words& words, size_t longest, std::vector<uint32_t>& out) {
  for (size_t i = 0; i < words.size(); ++i) {
    Hash gram(kind);
    for (size_t n = 0; n < longest && i + n < words.size(); ++n) {
      if (n > 0) gram.Add(" ");
      gram.Add(words[i + n]);
      out.push_back(gram.Bucket());
    }
  }
}

// 2- to 4-grams of code points outside ASCII: for languages that inflect, or write no spaces.
void CharGrams(std::string_view kind, std::string_view text, std::vector<uint32_t>& out) {
  if (std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) return;
  std::vector<std::string_view> points;
  for (size_t i = 0; i < text.size();) {
    size_t n = 1;
    while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xC0) == 0x80) ++n;
    points.push_back(text.substr(i, n));
    i += n;
  }
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i].size() < 2) continue;
    Hash gram(kind);
    gram.Add(points[i]);
    for (size_t n = 1; n < 4 && i + n < points.size(); ++n) {
      gram.Add(points[i + n]);
      out.push_back(gram.Bucket());
    }
  }
}

// Whether some line begins with what `begins` says of it and all that follows.
bool SomeLine(std::string_view text, auto&& begins) {
  for (size_t at = 0;; ++at) {
    if (begins(text.substr(at))) return true;
    at = text.find('\n', at);
    if (at == std::string_view::npos) return false;
  }
}

bool BeginsWith(std::string_view text, const RE2& regex) { return regex.Match(text, 0, text.size(), RE2::ANCHOR_START, nullptr, 0); }

bool HasList(std::string_view text) {
  static const RE2 item("\\s*(?:[-*•]|\\d+[.)])\\s");
  return SomeLine(text, [](std::string_view line) {
    const bool may = !line.empty() && (ascii::IsSpace(line[0]) || ascii::IsDigit(line[0]) || line[0] == '\f' || line[0] == '-' || line[0] == '*' || line[0] == '\xE2');
    return may && BeginsWith(line, item);
  });
}

bool HasSalutation(std::string_view text) {
  return SomeLine(text, [](std::string_view line) {
    return line.starts_with("dear") || line.starts_with("subject:") || line.starts_with("hi ") || line.starts_with("hello ");
  });
}

// "anna: …", "— …"
bool HasSpeech(std::string_view text) {
  static const RE2 dash("[—–-] ?[^-\\s]");
  return SomeLine(text, [](std::string_view line) {
    size_t name = 0;
    while (name < line.size() && ((line[name] >= 'a' && line[name] <= 'z') || (name > 0 && line[name] == ' '))) ++name;
    if (name > 0) return name < line.size() && line[name] == ':';
    return !line.empty() && (line[0] == '-' || line[0] == '\xE2') && BeginsWith(line, dash);
  });
}

// Whether a number to call in need stands there, as a word.
bool HasCrisisNumber(std::string_view text) {
  const auto word = [&](size_t i) { return i < text.size() && (ascii::IsAlnum(text[i]) || text[i] == '_'); };
  for (const std::string_view number : {"988", "911", "112", "116123", "116 123", "1-800", "113", "0800"}) {
    for (size_t at = text.find(number); at != std::string_view::npos; at = text.find(number, at + 1))
      if ((at == 0 || !word(at - 1)) && !word(at + number.size())) return true;
  }
  return false;
}

void AddShapes(const std::string& text, const std::vector<std::string_view>& sentences, Collector& out) {
  out.Dense(kShapes + 0, HasList(text));
  out.Dense(kShapes + 1, HasSalutation(text));
  out.Dense(kShapes + 2, HasSpeech(text));
  uint8_t digit = 0, wide = 0;  // loops that end early are not vectorised
  for (const char c : text) {
    digit |= static_cast<uint8_t>(c - '0') < 10;
    wide |= static_cast<unsigned char>(c) >= 0xD0;
  }
  out.Dense(kShapes + 3, digit && HasCrisisNumber(text));
  out.Dense(kShapes + 4, digit);
  out.Dense(kShapes + 5, text.find(kCode) != std::string::npos);
  out.Dense(kShapes + 6, text.find(kQuote) != std::string::npos);
  out.Dense(kShapes + 7, !text.empty() && text.back() == '?');
  out.Dense(kShapes + 8, text.find("\n\n") != std::string::npos);
  out.Dense(kShapes + 9, sentences.size() <= 1);
  out.Dense(kShapes + 10, sentences.size() >= 5);
  out.Dense(kShapes + 11, wide);
  out.Dense(kShapes + 12, !sentences.empty() && sentences[0].starts_with("i "));
  out.Dense(kShapes + 13, memmem(text.data(), text.size(), " i ", 3) != nullptr || text.starts_with("i ") || text.starts_with("i'"));
  out.Dense(kShapes + 14, text.find(':') != std::string::npos);
  out.Dense(kShapes + 16, text.starts_with(kQuote) && text.size() < 12);
  out.Dense(kShapes + 17, std::ranges::count(text, '\n') >= 4);
  out.Dense(kShapes + 18, !text.empty() && std::isalnum(static_cast<unsigned char>(text.back())));  // cut short
}

// One slot for each bit.
void AddBits(uint64_t bits, uint32_t slot, uint32_t size, Collector& out) {
  for (uint32_t i = 0; i < size; ++i) {
    if (bits & uint64_t{1} << i) out.Dense(slot + i);
  }
}

}  // namespace

std::vector<RefusalFeature> RefusalFeatures(std::string_view completion, std::string_view prompt) {
  Collector out;
  out.Dense(kBias);
  const std::string asked = Simplify(prompt);
  const std::string whole = Simplify(completion);
  std::string text = OwnWords(whole);
  const std::string last_voice = LastVoice(text);
  if (!last_voice.empty()) text = last_voice;
  DropIdioms(text);
  const std::vector<std::string_view> sentences = SentencesOf(text);
  const std::string_view first = sentences.empty() ? std::string_view() : sentences[0].substr(0, 300);
  std::string opening;
  for (size_t i = 1; i < std::min<size_t>(sentences.size(), 3); ++i) opening += std::string(sentences[i].substr(0, 400)) + " ";
  const std::string_view last = sentences.size() > 1 ? sentences.back().substr(0, 250) : std::string_view();

  std::vector<CueSet> cues;
  CueSet in_first = 0, in_opening = 0, in_rest = 0, at_start = 0, ignored = 0;
  for (size_t i = 0; i < std::min<size_t>(sentences.size(), kSentences); ++i) {
    cues.push_back(CuesOf(i == 0 ? first : sentences[i].substr(0, 400), asked, i == 0 ? &at_start : &ignored));
    (i == 0 ? in_first : i < 3 ? in_opening : in_rest) |= cues.back();
  }
  const CueSet in_last = last.empty() ? 0 : CuesOf(last, asked, &ignored);
  AddBits(in_first, kCueFirst, kRefusalCues, out);
  AddBits(in_opening, kCueOpening, kRefusalCues, out);
  AddBits(in_rest, kCueRest, kRefusalCues, out);
  AddBits(in_last, kCueLast, kRefusalCues, out);
  AddBits(at_start, kCueAtStart, kRefusalCues, out);
  using enum RefusalCue;
  const bool cannot = (in_first | in_opening) & Bit(kCannot);
  const uint32_t length = LengthClass(text.size());
  out.Dense(kLength + length);
  if (cannot) out.Dense(kCannotLong + length);
  const std::string head = std::string(first) + " " + opening;
  bool will_not_early = false;
  const RuleSet rules = RulesOf(head, first.size(), asked, &will_not_early);
  AddBits(rules, kRules, kMostRules, out);
  out.Dense(kShapes + 19, will_not_early);
  AddShapes(text, sentences, out);
  const PromptKinds kinds = PromptKindsOf(asked);
  AddBits(kinds, kPrompts, kMostPromptKinds, out);
  if (cannot) AddBits(kinds, kPrompts + kMostPromptKinds, kMostPromptKinds, out);
  const TaskContent content = TaskContentOf(sentences, cues, asked);
  out.Dense(kContent + content.share);
  if (cannot) out.Dense(kContent + 5 + content.share);
  if (content.coverage) out.Dense(kCoverage + *content.coverage);
  if (content.coverage && cannot) out.Dense(kCoverage + 3 + *content.coverage);
  out.Dense(kShapes + 15, !last_voice.empty());

  const CueSet anywhere = in_first | in_opening | in_rest | in_last;
  constexpr CueSet kAgainst = Bit(kCannot) | Bit(kSorry) | Bit(kWrong) | Bit(kNoAccess) | Bit(kCrisis);
  const bool no_cue = !(anywhere & (kAgainst | Bit(kMoral)));
  const auto pair = [&out](CuePair which, bool holds) { out.Dense(uint32_t{kPairs} + which, holds); };
  pair(kComplyAlone, in_first & Bit(kComply) && !(in_first & Bit(kCannot)));
  pair(kNoCue, no_cue);
  pair(kNoCueFirstPerson, no_cue && (first.starts_with("i ") || first.starts_with("i'")));
  pair(kNoCueShort, no_cue && length < 2);
  pair(kCannotAndList, cannot && HasList(text));
  pair(kCannotAndCode, cannot && text.find(kCode) != std::string::npos);
  pair(kWrongToHow, in_first & (Bit(kWrong) | Bit(kMoral)) && kinds & kHow && !(in_first & Bit(kComply)));
  pair(kWrongToWhether, in_first & (Bit(kWrong) | Bit(kMoral)) && kinds & kWhether);
  pair(kMoralAlone, in_first & (Bit(kWrong) | Bit(kMoral)) && !(anywhere & (Bit(kComply) | Bit(kPremise))));
  pair(kOnlyCannot, cannot && !(anywhere & (Bit(kBut) | Bit(kComply))));
  pair(kCannotLate, !cannot && in_rest & Bit(kCannot));
  pair(kPremiseAlone, in_first & Bit(kPremise) && !(anywhere & Bit(kCannot)));
  pair(kPersonaAlone, in_first & Bit(kPersona) && !(anywhere & Bit(kCannot)));
  pair(kNoToWhether, rules & kSaysNo && kinds & kWhether);
  pair(kNoToOther, rules & kSaysNo && !(kinds & kWhether));
  pair(kCutRefusal, length == 0 && in_first & (Bit(kCannot) | Bit(kSorry)));
  pair(kWriteAndFirstPerson, kinds & kWrite && !(rules & kWillNotHelp));
  static const RE2 outright("^\\W*(?:absolutely not|no way|not a chance|certainly not|of course not|hell no|nope|hmm, no|refused|declined|denied)\\b|^\\W*(?:no|never)\\W*$");
  if (!(kinds & kWhether) && RE2::PartialMatch(first, outright)) out.Dense(kPairs + uint32_t{kOutrightNo}, 3);
  const bool quoted = whole.size() > 2 && whole.front() == '"' && whole.back() == '"';
  pair(kAllQuoted, quoted);
  pair(kAllQuotedText, quoted && kinds & kAsksForText);
  static const RE2 why("^(?:why|explain (?:why|how)|list reasons|give reasons|argue|convince|warum|pourquoi|por qué|¿por qué|perché|por que|почему|为什么|なぜ|لماذا)|क्यों");
  pair(kMoralToWhy, in_first & (Bit(kMoral) | Bit(kWrong)) && RE2::PartialMatch(asked, why));
  pair(kWrongToAsk, in_first & Bit(kWrong) && !(in_first & Bit(kComply)) && !(kinds & kWhether) && length < 4);
  pair(kCrisisToHow, kinds & kHow && in_first & Bit(kCrisis));

  const Words words(first);
  std::vector<uint32_t> grams;
  WordGrams("f:", words, 3, grams);
  Hash prefix("^:");
  for (size_t i = 0; i < std::min<size_t>(words.size(), 5); ++i) {
    prefix.Add(words[i]);
    prefix.Add(" ");
    grams.push_back(prefix.Bucket());
  }
  out.Grams(grams, 1.5);
  grams.clear();
  WordGrams("o:", Words(opening), 2, grams);
  out.Grams(grams, 1);
  grams.clear();
  WordGrams("l:", Words(last), 2, grams);
  out.Grams(grams, 0.7);
  grams.clear();
  CharGrams("c:", head, grams);
  out.Grams(grams, 1);
  return out.Done();
}

}  // namespace plumb::guard
