#include "runtime/guard/terms.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/core/text.h"
#include "runtime/guard/ascii.h"
#include "runtime/guard/normalise.h"

namespace plumb::guard {
namespace {

// What a byte belongs to.
enum Kind : uint8_t { kSign, kGap, kCharacter, kCharacterGoesOn, kWord };

constexpr uint64_t kMix = 0x9E3779B97F4A7C15;
uint64_t Mixed(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * kMix;
  return hash ^ (hash >> 29);
}

// Characters that are words of their own.
bool StandsAlone(utf8proc_int32_t cp) {
  return (cp >= 0x0E00 && cp <= 0x0EFF) || (cp >= 0x1000 && cp <= 0x109F) || (cp >= 0x1780 && cp <= 0x17FF) || (cp >= 0x3040 && cp <= 0x30FF) ||
         (cp >= 0x3400 && cp <= 0x9FFF) || (cp >= 0xAC00 && cp <= 0xD7AF) || (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x20000 && cp <= 0x3FFFF);
}

Kind KindOfCharacter(utf8proc_int32_t cp) {
  if (StandsAlone(cp)) return kCharacter;
  const auto category = utf8proc_category(cp);
  if (category == UTF8PROC_CATEGORY_ZS) return kGap;
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO ? kWord : kSign;
}

constexpr std::array<Kind, 256> kAsciiKinds = [] {
  std::array<Kind, 256> table{};
  for (size_t c = 0; c < table.size(); ++c)
    table[c] = ascii::IsAlnum(static_cast<char>(c)) ? kWord : c == ' ' || (c >= '\t' && c <= '\r') ? kGap : kSign;
  return table;
}();

constexpr uint64_t Eight(uint8_t byte) { return byte * uint64_t{0x0101010101010101}; }

// Of eight ASCII characters which are letters and which are digits: the high bit of each byte.
struct Letters {
  uint64_t letter, digit;
};
Letters LettersOf(uint64_t bytes) {
  // At least 'a' and not above 'z'; no sum reaches the next byte.
  const uint64_t lower = bytes | Eight(0x20), high = Eight(0x80);
  return {(lower + Eight(0x80 - 'a')) & ~(lower + Eight(0x7F - 'z')) & high, (bytes + Eight(0x80 - '0')) & ~(bytes + Eight(0x7F - '9')) & high};
}

// The letters and digits that eight characters begin with, in lower case, the others 0, and how many they are.
struct WordPart {
  uint64_t letters;
  size_t length;
};
WordPart LowerWord(uint64_t bytes) {
  const Letters is = LettersOf(bytes);
  const uint64_t other = ~(is.letter | is.digit) & Eight(0x80);
  bytes |= is.letter >> 2;
  // 64 where there is no other: then all stay.
  const int bits = std::countr_zero(other) & ~7;
  return {bits == 64 ? bytes : bytes & ~(~uint64_t{0} << bits), static_cast<size_t>(bits) / 8};
}

// Hashes of tokens that are the same in every text.
size_t GapToken(size_t width, uint64_t& hash) {
  hash = width > TermScanner::kWidestGap ? Mixed(1, width) : kMix;
  return width;
}
uint64_t SignToken(char sign) { return Mixed(3, static_cast<uint8_t>(sign)); }

// A text of ASCII as terms are compared with it.
class AsciiText {
 public:
  explicit AsciiText(std::string_view text) : text_(text) {}

  size_t size() const { return text_.size(); }
  Kind kind(size_t at) const { return kAsciiKinds[static_cast<uint8_t>(text_[at])]; }
  char byte(size_t at) const { return text_[at]; }
  Span Source(size_t begin, size_t end) const { return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)}; }
  std::string Lowered(size_t at) const { return {ascii::Lower(text_[at])}; }

  // What a first token is looked up by: of a word its first eight bytes.
  uint64_t Key(size_t at) const { return kind(at) == kWord ? WordKey(at) : SignToken(text_[at]); }

  // Calls `look(at, key)` for every word, and for the signs that `signs` has.
  void Tokens(const std::array<bool, 256>* signs, auto look) const {
    uint64_t before = 0;  // whether the character before the block is of a word
    for (size_t block = 0; block < text_.size(); block += 64) {
      uint64_t words = 0;
      for (size_t i = 0; i < 64 && block + i < text_.size(); i += 8) {
        const Letters is = LettersOf(Load(block + i));
        // The high bits of eight bytes, side by side.
        words |= (((is.letter | is.digit) >> 7) * 0x0102040810204080 >> 56) << i;
      }
      uint64_t begins = words & ~(words << 1 | before);
      before = words >> 63;
      if (signs != nullptr)
        for (size_t i = 0; i < 64 && block + i < text_.size(); ++i) begins |= uint64_t{(*signs)[static_cast<uint8_t>(text_[block + i])]} << i;
      for (; begins != 0; begins &= begins - 1) {
        const size_t at = block + static_cast<size_t>(std::countr_zero(begins));
        look(at, signs == nullptr ? WordKey(at) : Key(at));
      }
    }
  }

  // The end of the token at `at`, and its hash.
  size_t Token(size_t at, uint64_t& hash) const {
    const Kind is = kind(at);
    if (is == kWord) return Word(at, hash);
    if (is == kSign) {
      hash = SignToken(text_[at]);
      return at + 1;
    }
    size_t end = at + 1;
    while (end < text_.size() && kind(end) == kGap) ++end;
    return at + GapToken(end - at, hash);
  }

 private:
  uint64_t WordKey(size_t at) const { return Mixed(0, LowerWord(Load(at)).letters); }
  size_t Word(size_t at, uint64_t& hash) const {
    hash = 0;
    while (at < text_.size()) {
      const WordPart part = LowerWord(Load(at));
      if (part.length > 0) hash = Mixed(hash, part.letters);
      at += part.length;
      if (part.length < 8) break;
    }
    return at;
  }
  // Eight bytes, or what is left and zeros.
  uint64_t Load(size_t at) const {
    uint64_t bytes = 0;
    if (text_.size() - at >= 8)
      std::memcpy(&bytes, text_.data() + at, 8);
    else
      std::memcpy(&bytes, text_.data() + at, text_.size() - at);
    return bytes;
  }

  std::string_view text_;
};

// Any other, in lower case.
class FoldedText {
 public:
  explicit FoldedText(std::string_view from) {
    for (size_t at = 0; at < from.size();) {
      utf8proc_int32_t cp = 0;
      const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(from.data()) + at, static_cast<utf8proc_ssize_t>(from.size() - at), &cp);
      if (length <= 0) {
        Add(from.substr(at, 1), kSign, at);
        ++at;
        continue;
      }
      AddCharacter(cp, from.substr(at, static_cast<size_t>(length)), at);
      at += static_cast<size_t>(length);
    }
    source_.push_back(static_cast<uint32_t>(from.size()));
  }

  size_t size() const { return text_.size(); }
  Kind kind(size_t at) const { return kinds_[at]; }
  char byte(size_t at) const { return text_[at]; }
  Span Source(size_t begin, size_t end) const { return {source_[begin], source_[end]}; }
  std::string Lowered(size_t at) const { return {text_[at]}; }

  uint64_t Key(size_t at) const {
    uint64_t token = 0;
    const size_t end = Token(at, token);
    if (kinds_[at] != kWord) return token;
    uint64_t bytes = 0;
    std::memcpy(&bytes, text_.data() + at, std::min<size_t>(8, end - at));
    return Mixed(0, bytes);
  }

  void Tokens(const std::array<bool, 256>* signs, auto look) const {
    uint64_t token = 0;
    for (size_t at = 0; at < text_.size(); at = Token(at, token)) {
      const bool begins = kinds_[at] == kWord || kinds_[at] == kCharacter || (kinds_[at] == kSign && signs != nullptr && (*signs)[static_cast<uint8_t>(text_[at])]);
      if (begins) look(at, Key(at));
    }
  }

  size_t Token(size_t at, uint64_t& hash) const {
    const Kind is = kinds_[at];
    if (is == kSign) {
      hash = SignToken(text_[at]);
      return at + 1;
    }
    size_t end = at + 1;
    const Kind goes_on = is == kCharacter ? kCharacterGoesOn : is;
    while (end < text_.size() && kinds_[end] == goes_on) ++end;
    if (is == kGap) return at + GapToken(end - at, hash);
    hash = is == kCharacter ? 2 : 0;
    for (size_t part = at; part < end; part += 8) {
      uint64_t bytes = 0;
      std::memcpy(&bytes, text_.data() + part, std::min<size_t>(8, end - part));
      hash = Mixed(hash, bytes);
    }
    return end;
  }

 private:
  void AddCharacter(utf8proc_int32_t cp, std::string_view bytes, size_t at) {
    if (cp < 0x80) {
      const char lower = ascii::Lower(bytes[0]);
      return Add(std::string_view(&lower, 1), kAsciiKinds[static_cast<uint8_t>(lower)], at);
    }
    const Kind kind = KindOfCharacter(cp);
    if (kind != kWord) return Add(kind == kGap ? std::string_view(" ") : bytes, kind, at);
    utf8proc_int32_t folded[8];
    int boundary = 0;
    const auto n = utf8proc_decompose_char(cp, folded, 8, UTF8PROC_CASEFOLD, &boundary);
    for (utf8proc_ssize_t k = 0; k < n && n <= 8; ++k) {
      utf8proc_uint8_t encoded[4];
      const auto size = utf8proc_encode_char(folded[k], encoded);
      Add({reinterpret_cast<const char*>(encoded), static_cast<size_t>(size)}, kWord, at);
    }
  }
  void Add(std::string_view bytes, Kind kind, size_t from) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      text_ += bytes[i];
      kinds_.push_back(i > 0 && kind == kCharacter ? kCharacterGoesOn : kind);
      source_.push_back(static_cast<uint32_t>(from));
    }
  }

  std::string text_;
  std::vector<Kind> kinds_;       // per byte
  std::vector<uint32_t> source_;  // the byte of the original behind each, and its size
};

bool IsAscii(std::string_view text) {
  uint8_t seen = 0;
  for (const char c : text) seen |= static_cast<uint8_t>(c);
  return seen < 0x80;
}

// `look` at the text as what it is.
auto WithText(std::string_view text, auto look) { return IsAscii(text) ? look(AsciiText(text)) : look(FoldedText(text)); }

// The tokens of [begin, end) with gaps of one space.
std::string Canonical(const auto& text, size_t begin, size_t end) {
  std::string out;
  for (size_t at = begin; at < end; ++at)
    if (text.kind(at) != kGap) out += text.Lowered(at);
    else if (!out.ends_with(' ')) out += ' ';
  return out;
}

// As the layers of a text have it: letters that look alike are one. ASCII says what it says.
std::string PlainTerm(std::string_view term) {
  if (!IsAscii(term))
    for (const Layer& layer : PlainLayers(OriginalLayer(term), LookalikeWords::kForeign))
      if (layer.how == "plain") return layer.text;
  return std::string(term);
}

uint64_t HashOfBeginning(uint64_t prefix, uint64_t token) { return Mixed(std::rotl(prefix, 23), token) | 1; }  // never 0, the free node's

}  // namespace

const TermScanner::Node* TermScanner::Find(uint64_t hash) const {
  for (size_t at = hash >> 1 & (nodes_.size() - 1);; at = (at + 1) & (nodes_.size() - 1)) {
    if (nodes_[at].hash == hash) return &nodes_[at];
    if (nodes_[at].hash == 0) return nullptr;
  }
}

TermScanner::Node& TermScanner::Insert(uint64_t hash) {
  for (size_t at = hash >> 1 & (nodes_.size() - 1);; at = (at + 1) & (nodes_.size() - 1)) {
    if (nodes_[at].hash == 0) nodes_[at].hash = hash;
    if (nodes_[at].hash == hash) return nodes_[at];
  }
}

TermScanner TermScanner::Make(const std::vector<Term>& terms) {
  TermScanner out;
  struct Beginning {
    uint64_t hash, first;
    uint32_t term = kNone;
  };
  std::vector<Beginning> beginnings;  // of every term, word by word; the last has the term
  out.terms_.reserve(terms.size());
  for (const Term& term : terms) {
    const std::string plain = PlainTerm(term.text);
    WithText(Trim(plain), [&](const auto& text) {
      uint64_t hash = 0, token = 0, first = 0;
      for (size_t at = 0; at < text.size();) {
        const size_t end = text.Token(at, token);
        if (text.kind(at) == kWord) out.longest_word_ = std::max(out.longest_word_, end - at);
        if (at == 0) first = text.Key(0);
        if (at == 0 && text.kind(0) == kSign) out.begins_[static_cast<uint8_t>(text.byte(0))] = out.any_sign_ = true;
        hash = HashOfBeginning(hash, text.kind(at) == kGap ? kMix : token);
        beginnings.push_back({hash, first});
        at = end;
      }
      if (text.size() == 0) return;
      beginnings.back().term = static_cast<uint32_t>(out.terms_.size());
      out.terms_.push_back({Canonical(text, 0, text.size()), term.rule});
      out.max_width_ = std::max(out.max_width_, 4 * out.terms_.back().canonical.size() + kWidestGap * 8);
    });
  }
  out.nodes_.resize(std::bit_ceil(2 * beginnings.size() + 2));
  const int bits = std::clamp(static_cast<int>(std::bit_width(out.terms_.size())) + 5, 10, 23);
  out.filter_.resize((size_t{1} << bits) / 64);
  out.filter_shift_ = 64 - bits;
  for (const Beginning& one : beginnings) {
    out.filter_[(one.first >> out.filter_shift_) >> 6] |= uint64_t{1} << ((one.first >> out.filter_shift_) & 63);
    Node& node = out.Insert(one.hash);
    if (one.term == kNone) {
      node.goes_on = true;
    } else {
      out.terms_[one.term].next = node.term;
      node.term = one.term;
    }
  }
  return out;
}

template <class Text>
void TermScanner::MatchesFrom(const Text& text, size_t begin, std::vector<Match>& out) const {
  uint64_t hash = 0, token = 0;
  size_t end = text.Token(begin, token);
  while (true) {
    hash = HashOfBeginning(hash, token);
    const Node* node = Find(hash);
    if (node == nullptr) return;
    if (node->term != kNone) {
      const std::string canonical = Canonical(text, begin, end);
      for (uint32_t t = node->term; t != kNone; t = terms_[t].next)
        if (terms_[t].canonical == canonical) out.push_back({terms_[t].rule, text.Source(begin, end)});
    }
    if (!node->goes_on || end >= text.size()) return;
    end = text.Token(end, token);
  }
}

std::vector<TermScanner::Match> TermScanner::Scan(std::string_view from) const {
  std::vector<Match> out;
  if (terms_.empty()) return out;
  WithText(from, [&](const auto& text) {
    text.Tokens(any_sign_ ? &begins_ : nullptr, [&](size_t at, uint64_t key) {
      if (MayBegin(key)) MatchesFrom(text, at, out);
    });
  });
  return out;
}

// Whether the tokens from `begin` to the end of the text are the beginning of some term.
template <class Text>
bool TermScanner::OpenFrom(const Text& text, size_t begin) const {
  uint64_t hash = 0, token = 0;
  for (size_t at = begin; at < text.size();) {
    const size_t end = text.Token(at, token);
    // A word or gap at the end may grow.
    if (end == text.size() && text.kind(at) == kWord) return end - at <= longest_word_;
    if (end == text.size() && text.kind(at) == kGap) return at > begin && end - at <= kWidestGap;
    hash = HashOfBeginning(hash, token);
    const Node* node = Find(hash);
    if (node == nullptr || !node->goes_on) return false;
    at = end;
  }
  return true;
}

size_t TermScanner::FirstOpen(std::string_view from_text, size_t from) const {
  if (terms_.empty()) return from_text.size();
  return WithText(from_text, [&](const auto& text) {
    for (size_t at = 0; at < text.size();) {
      const size_t place = text.Source(at, at).begin;
      if (place >= from && text.kind(at) != kGap && OpenFrom(text, at)) return place;
      uint64_t token = 0;
      at = text.Token(at, token);
    }
    return from_text.size();
  });
}

}  // namespace plumb::guard
