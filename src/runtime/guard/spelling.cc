#include <algorithm>
#include <array>

#include "runtime/guard/ascii.h"
#include "runtime/guard/normalise.h"

namespace plumb::guard {
namespace {

using ascii::IsAlnum;
using ascii::IsLetter;

bool IsSeparator(char c) { return ascii::Is(c, ascii::kSeparator); }
bool IsWedge(char c) { return ascii::Is(c, ascii::kWedge); }

bool BeginsWord(std::string_view text, size_t at) { return IsLetter(text[at]) && (at == 0 || !IsAlnum(text[at - 1])); }

// A run of single letters with one and the same separator between them: "k i l l".
struct Spaced {
  size_t end = 0;      // one past the last letter
  size_t letters = 0;
};
Spaced SpacedAt(std::string_view text, size_t at) {
  Spaced run;
  if (!BeginsWord(text, at)) return run;
  run = {at + 1, 1};
  char separator = 0;
  while (run.end + 1 < text.size()) {
    const char mark = text[run.end], next = text[run.end + 1];
    if (!IsSeparator(mark) || !IsAlnum(next) || (separator && mark != separator)) break;
    if (run.end + 2 < text.size() && IsAlnum(text[run.end + 2])) break;  // a longer word follows
    separator = mark;
    run.end += 2;
    ++run.letters;
  }
  return run;
}

// The letters that digits and signs stand for; 0 for all others.
constexpr std::array<char, 256> kLeetLetters = [] {
  std::array<char, 256> table{};
  for (const std::string_view pair : {"0o", "1i", "!i", "3e", "4a", "@a", "5s", "$s", "7t", "+t", "8b", "9g"})
    table[static_cast<unsigned char>(pair[0])] = pair[1];
  return table;
}();
char LeetLetter(char c) { return kLeetLetters[static_cast<unsigned char>(c)]; }

// A word in which digits or signs stand between letters, or letters are outnumbered by neither: "b0mb", "m4k3", "h4ck".
bool IsLeetWord(std::string_view word) {
  size_t letters = 0, signs = 0, inside = 0;
  for (size_t i = 0; i < word.size(); ++i) {
    letters += IsLetter(word[i]);
    if (LeetLetter(word[i]) == 0) continue;
    ++signs;
    inside += i > 0 && i + 1 < word.size() && (IsLetter(word[i - 1]) || LeetLetter(word[i - 1])) && IsLetter(word[i + 1]);
  }
  return letters >= 1 && inside >= 1 && signs <= 2 * letters && word.size() >= 3 && word.size() <= 24;
}

std::vector<Layer> One(LayerBuilder& builder) {
  std::vector<Layer> out;
  out.push_back(builder.Finish());
  return out;
}

}  // namespace

std::vector<Layer> JoinedLayer(const Layer& layer) {
  const std::string_view text = layer.text;
  LayerBuilder builder(layer, "joined");
  size_t kept = 0;
  bool found = false;
  // Short runs ("m e") are joined only in a text that also has a long one.
  bool spells = false;
  for (size_t at = 0; at + 1 < text.size() && !spells; ++at)
    spells = IsSeparator(text[at + 1]) && BeginsWord(text, at) && SpacedAt(text, at).letters >= 4;
  for (size_t at = 0; at < text.size();) {
    const Spaced run = spells ? SpacedAt(text, at) : Spaced{};
    if (run.letters >= 2) {
      builder.Keep(kept, at);
      for (size_t i = at; i < run.end; i += 2) builder.Keep(i, i + 1);
      kept = at = run.end;
      found = true;
      continue;
    }
    if (IsWedge(text[at]) && at > 0 && IsLetter(text[at - 1]) && at + 1 < text.size() && IsLetter(text[at + 1])) {
      builder.Keep(kept, at);
      kept = at + 1;
      found = true;
    }
    ++at;
  }
  if (!found) return {};
  builder.Keep(kept, text.size());
  return One(builder);
}

std::vector<Layer> LeetLayer(const Layer& layer) {
  const std::string_view text = layer.text;
  LayerBuilder builder(layer, "leet");
  size_t kept = 0;
  bool found = false;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    bool signs = false;
    for (; end < text.size() && (IsLetter(text[end]) || LeetLetter(text[end])); ++end) signs |= !IsLetter(text[end]);
    if (!signs) {
      at = std::max(end, at + 1);
      continue;
    }
    // A closing "!" or "+" is punctuation, not a letter.
    size_t word_end = end;
    while (word_end > at && (text[word_end - 1] == '!' || text[word_end - 1] == '+')) --word_end;
    if (IsLeetWord(text.substr(at, word_end - at))) {
      for (size_t i = at; i < word_end; ++i) {
        const char letter = LeetLetter(text[i]);
        if (letter == 0) continue;
        builder.Keep(kept, i);
        builder.Replace(i, i + 1, {&letter, 1});
        kept = i + 1;
      }
      found = true;
    }
    at = std::max(end, at + 1);
  }
  if (!found) return {};
  builder.Keep(kept, text.size());
  return One(builder);
}

}  // namespace plumb::guard
