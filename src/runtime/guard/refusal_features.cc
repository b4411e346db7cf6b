#include "runtime/guard/refusal_features.h"

#include <re2/re2.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/core/text.h"
#include "runtime/guard/refusal_lexicon.h"

namespace plumb::guard {
namespace {

// Slots of the dense features. Cues have one slot for each of three places, and pairs.
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
  kShapes = kRules + 24,                         // + shape
  kPrompts = kShapes + 16,                       // + kind of prompt, times two
  kComplyAlone = kPrompts + 12,                  // compliance without a cannot up front
};
static_assert(kComplyAlone < kRefusalDense);

// English refuses by grammar: who speaks, a negated ability or will, and a verb of helping.
#define NOT_ABLE                                                                                                  \
  "(?:can'?t|cannot|can not|could not|couldn'?t|won'?t|will not|would not|wouldn'?t|(?:'m|am|are|'re) (?:not able|" \
  "unable|not comfortable|not allowed|not permitted|not going|not here|not programmed|not designed|not capable|"  \
  "not willing|prohibited|forbidden)|do not|don'?t|never|must not|should not|shouldn'?t|(?:must|have to|will|need to) "  \
  "(?:respectfully |politely |firmly )?(?:decline|refuse)|refuse|decline|not in a position)"
#define HELP                                                                                                        \
  "(?:help|assist|provid\\w+|compl[yi]\\w*|fulfil\\w*|give|giving|share|sharing|support|write|writing|creat\\w+|"     \
  "generat\\w+|answer\\w*|do (?:that|this|it|so)|engag\\w+|offer\\w*|discuss\\w*|guid\\w+|teach\\w*|instruct\\w*|"    \
  "tell|explain\\w*|recommend\\w*|condon\\w+|encourag\\w+|facilitat\\w+|participat\\w+|produc\\w+|describ\\w+|"      \
  "respond\\w*|continue|advis\\w+|advice|promot\\w+|endors\\w+|aid|collaborat\\w+|carry out|go along|talk about|"    \
  "walk you|show you|make (?:that|this|it|content|a|any)|draft\\w*|compose|say that|role-?play|pretend|fabricat\\w+|" \
  "suggest\\w*|list|speculat\\w+|reveal\\w*|disclos\\w+|access|find|contribute|entertain|proceed|be part|take part|" \
  "meet (?:that|this|your)|accommodate|perform|process|supply|direct you|point you|coach|in good conscience|"       \
  "translat\\w+|predict|diagnose|reproduce|argue|agree|rank|name|include|satisfy|assist\\w*|repeat|locate|look up)"
#define WHO "\\b(?:i|we)(?: (?:really|simply|just|also|still|definitely|absolutely|personally|therefore|unfortunately|honestly))?,? ?"

// Looked for in the opening, but for those marked in kAnywhere.
constexpr auto kEnglishRules = std::to_array<const char*>({
    WHO NOT_ABLE "(?: \\w+){0,5}? " HELP "\\b",
    "\\b(?:that'?s|this is|it'?s|that is|it is|this one is) (?:not )?(?:something|a line|a request|one|territory|nothing)(?: \\w+){0,3}? "
    "(?:i|we) (?:can'?t|cannot|can|won'?t|will not|do|don'?t|am|'m|refuse|will|have to|must|want)",
    "^\\W*(?:no[.,!:]|no$|absolutely not|no way|not a chance|nope|hmm, no)",
    "\\b(?:request|question|prompt|topic|content|task) (?:\\w+ ){0,4}?(?:cannot|can'?t|will not|won'?t|refused|withheld)",
    "\\bi (?:have to|must|need to|will|am going to|'m going to)(?: \\w+)? (?:pass|stop|draw a line|say no|turn (?:this|that) down|refrain)\\b",
    "\\b(?:goes |is |would be )?(?:against|violat\\w+|contrary to) (?:my|our|the|openai\\w*) (?:\\w+ ){0,3}(?:guidelines?|polic\\w+|programming|principles|values|ethic\\w*|terms)",
    "\\bas an? (?:\\w+ ){0,3}(?:ai|assistant|language model|chatbot)\\b",
    "^\\W*(?:i'?m|i am) (?:really |so |very |truly )?sorry (?:that |to hear |you)",
    "^\\W*(?:i'?m|i am) (?:really |so |very )?sorry,? but",
    "^\\W*(?:sorry|apologies|unfortunately)\\b",
    "\\bi (?:understand|hear|get|appreciate|know) (?:that |how |you|the |your)",
    "\\b(?:is|are|would be|it'?s|that'?s|could be|may be) (?:\\w+ ){0,2}?(?:illegal|unethical|immoral|a (?:serious )?crime|a felony|wrong|harmful|dangerous)\\b",
    "\\b(?:i )?(?:strongly |'d |would )?(?:urge|encourage|advise|suggest|recommend) (?:that )?you (?:\\w+ )?(?:to )?(?:seek|talk|reach|reconsider|refrain|consider|contact|not|be|speak|stay)",
    "\\bif you(?:'re| are) (?:\\w+ )?(?:struggling|having|in (?:crisis|danger|distress|immediate|financial)|feeling|worried|thinking|using|angry)",
    "\\b(?:instead|else|otherwise|alternatively)\\b",
    "\\b(?:i'?d be|i'?m|i would be|we'?d be) (?:happy|glad|able) to\\b",
    "\\bi (?:don'?t|do not) (?:have|know)\\b",
    "\\b(?:don'?t|do not|never) (?:hurt|harm|try|do|attempt)\\b",
    "^\\W*(?:sure|certainly|of course|absolutely|yes|okay|ok|great|definitely|no problem|hello|hi)\\b",
    "\\bhere(?:'s| is| are) (?:a|an|the|some|how|my|your|one|\\d+|\\w+) ",
    "\\b(?:i can|i could|i'll|i will|let me) (?:\\w+ )?(?:tell|say|describe|explain|cover|write|keep|give|help|play|share|offer)\\b",
    "\\b(?:he|she|they|people|you|it|who) (?:can'?t|cannot|won'?t|refuse\\w*|decline\\w*)\\b",
});
#undef NOT_ABLE
#undef HELP
#undef WHO
static_assert(kEnglishRules.size() <= 24);

const std::vector<std::unique_ptr<RE2>>& Compiled() {
  static const auto* rules = [] {
    auto* list = new std::vector<std::unique_ptr<RE2>>;
    for (const char* rule : kEnglishRules) list->push_back(std::make_unique<RE2>(rule));
    return list;
  }();
  return *rules;
}

// The lexicon's phrases, each alone.
struct Phrase {
  RefusalCue cue;
  std::string_view text;
};
const std::vector<Phrase>& Phrases() {
  static const auto* phrases = [] {
    auto* list = new std::vector<Phrase>;
    for (const RefusalPhrase& entry : RefusalLexicon()) {
      for (std::string_view phrase : Split(entry.phrases, '|')) list->push_back({entry.cue, phrase});
    }
    return list;
  }();
  return *phrases;
}

uint32_t HashOf(std::string_view kind, std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ull;
  for (std::string_view part : {kind, text}) {
    for (unsigned char c : part) hash = (hash ^ c) * 0x100000001B3ull;
  }
  hash ^= hash >> 29;
  return kRefusalDense + static_cast<uint32_t>(hash % kRefusalHashed);
}

// Lower case in every script, straight quotation marks and apostrophes, single spaces; line breaks stay.
std::string Simplify(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (utf8proc_ssize_t at = 0, size = static_cast<utf8proc_ssize_t>(text.size()); at < size;) {
    utf8proc_int32_t code = 0;
    const utf8proc_ssize_t n = utf8proc_iterate(bytes + at, size - at, &code);
    if (n <= 0) {
      ++at;
      continue;
    }
    at += n;
    if (code == 0x2018 || code == 0x2019) code = '\'';
    if (code == 0x201C || code == 0x201D || code == 0x201E || code == 0xAB || code == 0xBB || code == 0x300C || code == 0x300D) code = '"';
    if (code == 0xA0 || code == '\t' || code == '\r') code = ' ';
    if (code == ' ' && !out.empty() && (out.back() == ' ' || out.back() == '\n')) continue;
    utf8proc_uint8_t encoded[4];
    const utf8proc_ssize_t length = utf8proc_encode_char(utf8proc_tolower(code), encoded);
    out.append(reinterpret_cast<const char*>(encoded), length);
  }
  return std::string(Trim(out));
}

// Quotations and code become one token, unless nearly everything stands in them.
std::string OwnWords(const std::string& text) {
  static const RE2 code("(?s)```.*?(?:```|$)"), quoted("\"[^\"]{2,}\"?"), inline_code("`[^`\\n]+`");
  std::string out = text;
  RE2::GlobalReplace(&out, code, " \x02" "code ");
  RE2::GlobalReplace(&out, inline_code, " \x02" "code ");
  std::string unquoted = out;
  RE2::GlobalReplace(&unquoted, quoted, " \x02quote ");
  return unquoted.size() * 4 >= out.size() ? unquoted : out;
}

// Where sentences end: after . ! ? … 。 and at line breaks; never inside a code point.
std::vector<std::string_view> SentencesOf(std::string_view text) {
  std::vector<std::string_view> out;
  size_t start = 0;
  const auto end_at = [&](size_t end) {
    const std::string_view sentence = Trim(text.substr(start, end - start));
    if (sentence.size() > 1) out.push_back(sentence);
    start = end;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view wide = text.substr(i, 3);
    if (wide == "。" || wide == "！" || wide == "？" || wide == "…") {
      end_at(i + 3);
      i += 2;
    } else if (text[i] == '\n') {
      end_at(i + 1);
    } else if ((text[i] == '.' || text[i] == '!' || text[i] == '?') &&
               (i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n' ||
                // "advice.I cannot": small models forget the space
                (i > 2 && std::isalpha(static_cast<unsigned char>(text[i - 1])) && i + 1 < text.size() && text[i + 1] == 'i'))) {
      end_at(i + 1);
    }
  }
  end_at(text.size());
  return out;
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || byte >= 0x80 || c == 2) {
      word += c;
    } else if (c != '\'' && !word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

int LengthClass(size_t bytes) { return bytes < 40 ? 0 : bytes < 120 ? 1 : bytes < 250 ? 2 : bytes < 450 ? 3 : bytes < 900 ? 4 : 5; }

// Collects values by index; n-grams of one group share a length of 1 times the group's weight.
class Collector {
 public:
  void Dense(uint32_t slot, double value = 1) { dense_[slot] = std::max(dense_[slot], static_cast<float>(value)); }

  void Grams(const std::set<uint32_t>& grams, double weight) {
    if (grams.empty()) return;
    const float value = static_cast<float>(weight / std::sqrt(static_cast<double>(grams.size())));
    for (uint32_t gram : grams) hashed_[gram] += value;
  }

  std::vector<RefusalFeature> Done() const {
    std::vector<RefusalFeature> out;
    for (const auto& [index, value] : dense_) out.push_back({index, value});
    for (const auto& [index, value] : hashed_) out.push_back({index, value});
    return out;
  }

 private:
  std::map<uint32_t, float> dense_, hashed_;
};

void WordGrams(std::string_view kind, const std::vector<std::string>& words, size_t longest, std::set<uint32_t>& out) {
  for (size_t i = 0; i < words.size(); ++i) {
    std::string gram;
    for (size_t n = 0; n < longest && i + n < words.size(); ++n) {
      gram += (n ? " " : "") + words[i + n];
      out.insert(HashOf(kind, gram));
    }
  }
}

// 2- to 4-grams of code points outside ASCII: for languages that inflect, or write no spaces.
void CharGrams(std::string_view kind, std::string_view text, std::set<uint32_t>& out) {
  std::vector<std::string_view> points;
  for (size_t i = 0; i < text.size();) {
    size_t n = 1;
    while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xC0) == 0x80) ++n;
    points.push_back(text.substr(i, n));
    i += n;
  }
  for (size_t i = 0; i < points.size(); ++i) {
    if (points[i].size() < 2) continue;
    for (size_t n = 2; n <= 4 && i + n <= points.size(); ++n)
      out.insert(HashOf(kind, std::string_view(points[i].data(), points[i + n - 1].data() + points[i + n - 1].size() - points[i].data())));
  }
}

void AddCues(std::string_view place, uint32_t slot, const std::string& asked, Collector& out, uint32_t* found) {
  for (const Phrase& phrase : Phrases()) {
    const size_t at = place.find(phrase.text);
    if (at == std::string_view::npos) continue;
    // ASCII phrases must stand as words: "sure" is not in "pressure".
    const auto word_byte = [&](size_t i) { return std::isalnum(static_cast<unsigned char>(place[i])); };
    const bool ascii = static_cast<unsigned char>(phrase.text.front()) < 0x80;
    if (ascii && at > 0 && word_byte(at - 1)) continue;
    if (phrase.text.size() > 6 && asked.find(phrase.text) != std::string::npos) continue;
    const uint32_t cue = static_cast<uint32_t>(phrase.cue);
    out.Dense(slot + cue);
    *found |= 1u << cue;
    if (slot == kCueFirst && at < 12) out.Dense(kCueAtStart + cue);
  }
}

void AddShapes(const std::string& text, const std::vector<std::string_view>& sentences, Collector& out) {
  static const RE2 list("(?m)^\\s*(?:[-*•]|\\d+[.)])\\s"), letter("(?m)^(?:dear|subject:|hi |hello )"),
      speech("(?m)^(?:[a-z][a-z ]*:|[—–-] ?[^-\\s])"), crisis_number("\\b(?:988|911|112|116 ?123|1-800|113|0800)\\b"),
      number("\\d");
  out.Dense(kShapes + 0, RE2::PartialMatch(text, list));
  out.Dense(kShapes + 1, RE2::PartialMatch(text, letter));
  out.Dense(kShapes + 2, RE2::PartialMatch(text, speech));
  out.Dense(kShapes + 3, RE2::PartialMatch(text, crisis_number));
  out.Dense(kShapes + 4, RE2::PartialMatch(text, number));
  out.Dense(kShapes + 5, text.find("\x02" "code") != std::string::npos);
  out.Dense(kShapes + 6, text.find("\x02quote") != std::string::npos);
  out.Dense(kShapes + 7, !text.empty() && text.back() == '?');
  out.Dense(kShapes + 8, text.find("\n\n") != std::string::npos);
  out.Dense(kShapes + 9, sentences.size() <= 1);
  out.Dense(kShapes + 10, sentences.size() >= 5);
  out.Dense(kShapes + 11, std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xD0; }));
  out.Dense(kShapes + 12, !sentences.empty() && sentences[0].starts_with("i "));
  out.Dense(kShapes + 13, text.find(" i ") != std::string::npos || text.starts_with("i ") || text.starts_with("i'"));
  out.Dense(kShapes + 14, text.find(':') != std::string::npos);
}

// Two voices in one answer ("[GPT]: I cannot … [DAN]: easy, …"): the last one says what the answer comes to. Empty where
// the answer does not begin with a voice's name or has only one.
std::string LastVoice(const std::string& text) {
  static const RE2 name("(?m)^[^a-z0-9\\s\"*•-]{0,6}(?:as [a-z][^:,\\n]{0,14},|[a-z][^:,\\n\\])]{0,14}[^a-z0-9\\s:]{0,4}[:\\])]+)|^\\pS");
  const char* last = nullptr;
  int names = 0;
  re2::StringPiece match;
  for (size_t at = 0; name.Match(text, at, text.size(), RE2::UNANCHORED, &match, 1); ++names) {
    if (names == 0 && match.data() != text.data()) return "";
    last = match.data() + match.size();
    at = static_cast<size_t>(last - text.data());
    if (match.empty()) break;
  }
  return names >= 2 ? std::string(Trim(std::string_view(last, text.data() + text.size() - last))) : std::string();
}

// What kind of thing was asked for: in a letter, a dialogue or a translation, words of refusal are the content.
void AddPrompt(const std::string& asked, bool cannot, Collector& out) {
  static const std::array<std::unique_ptr<RE2>, 5> kinds = {
      std::make_unique<RE2>("\\b(?:write|compose|draft|escrib|écris|schreib|scrivi|escreva|schrijf|napisz|напиши|yaz)|写|書いて|써줘|اكتب|लिखो"),
      std::make_unique<RE2>("\\b(?:translate|how do you say|in (?:spanish|french|german|japanese)|traduis|se dice)|英語"),
      std::make_unique<RE2>("\\b(?:what (?:is|does|was)|define|explain|why|describe|summari[sz]e|complete|reply|list|name)\\b"),
      std::make_unique<RE2>("^(?:my |i |i'm|je |ich |mi |у меня|我的)"),
      std::make_unique<RE2>("\\b(?:pretend|act as|role-?play|scene|story|dialogue|monologue|poem|villain|chatbot)"),
  };
  for (size_t i = 0; i < kinds.size(); ++i) {
    if (!RE2::PartialMatch(asked, *kinds[i])) continue;
    out.Dense(kPrompts + static_cast<uint32_t>(i));
    if (cannot) out.Dense(kPrompts + 6 + static_cast<uint32_t>(i));
  }
}

}  // namespace

std::vector<RefusalFeature> RefusalFeatures(std::string_view completion, std::string_view prompt) {
  Collector out;
  out.Dense(kBias);
  const std::string asked = Simplify(prompt);
  std::string text = OwnWords(Simplify(completion));
  const std::string last_voice = LastVoice(text);
  if (!last_voice.empty()) text = last_voice;
  const std::vector<std::string_view> sentences = SentencesOf(text);
  const std::string_view first = sentences.empty() ? std::string_view() : sentences[0].substr(0, 300);
  std::string opening, rest;
  for (size_t i = 1; i < sentences.size(); ++i) {
    std::string& part = i < 3 ? opening : rest;
    if (part.size() < 600) part += std::string(sentences[i].substr(0, 400)) + " ";
  }
  const std::string_view last = sentences.size() > 1 ? sentences.back().substr(0, 250) : std::string_view();

  uint32_t in_first = 0, in_opening = 0, in_rest = 0, in_last = 0;
  AddCues(first, kCueFirst, asked, out, &in_first);
  AddCues(opening, kCueOpening, asked, out, &in_opening);
  AddCues(rest, kCueRest, asked, out, &in_rest);
  AddCues(last, kCueLast, asked, out, &in_last);
  const bool cannot = (in_first | in_opening) & 1u << static_cast<uint32_t>(RefusalCue::kCannot);
  const int length = LengthClass(text.size());
  out.Dense(kLength + length);
  if (cannot) out.Dense(kCannotLong + length);
  const std::string head = std::string(first) + " " + opening;
  for (uint32_t i = 0; i < Compiled().size(); ++i) {
    re2::StringPiece match;
    if (!Compiled()[i]->Match(head, 0, head.size(), RE2::UNANCHORED, &match, 1)) continue;
    if (match.size() > 8 && asked.find(std::string_view(match.data(), match.size())) != std::string::npos) continue;
    out.Dense(kRules + i);
  }
  AddShapes(text, sentences, out);
  AddPrompt(asked, cannot, out);
  out.Dense(kShapes + 15, !last_voice.empty());
  constexpr uint32_t kComplyBit = 1u << static_cast<uint32_t>(RefusalCue::kComply);
  if (in_first & kComplyBit && !(in_first & 1u << static_cast<uint32_t>(RefusalCue::kCannot))) out.Dense(kComplyAlone);

  std::set<uint32_t> grams_first, grams_opening, grams_last, chars;
  const std::vector<std::string> words = WordsOf(first);
  WordGrams("f:", words, 3, grams_first);
  std::string prefix;
  for (size_t i = 0; i < std::min<size_t>(words.size(), 5); ++i) grams_first.insert(HashOf("^:", prefix += words[i] + " "));
  WordGrams("o:", WordsOf(opening), 2, grams_opening);
  WordGrams("l:", WordsOf(last), 2, grams_last);
  CharGrams("c:", head, chars);
  out.Grams(grams_first, 1.5);
  out.Grams(grams_opening, 1);
  out.Grams(grams_last, 0.7);
  out.Grams(chars, 1);
  return out.Done();
}

}  // namespace plumb::guard
