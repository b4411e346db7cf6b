#include "runtime/guard/confusables.h"

#include <algorithm>
#include <array>

namespace plumb::guard {
namespace {

struct Twin {
  char32_t cp;
  char letter;
};

// A compact choice from Unicode's confusables.txt (UTS #39) and from letters seen in attacks; sorted at compile time.
constexpr auto Sorted(auto pairs) {
  std::sort(pairs.begin(), pairs.end(), [](Twin a, Twin b) { return a.cp < b.cp; });
  return pairs;
}

constexpr auto kForeign = Sorted(std::to_array<Twin>({
    // Cyrillic
    {U'а', 'a'}, {U'в', 'b'}, {U'г', 'r'}, {U'е', 'e'}, {U'и', 'u'}, {U'к', 'k'}, {U'м', 'm'}, {U'н', 'h'}, {U'о', 'o'},
    {U'п', 'n'}, {U'р', 'p'}, {U'с', 'c'}, {U'т', 't'}, {U'у', 'y'}, {U'х', 'x'}, {U'ь', 'b'}, {U'ш', 'w'}, {U'я', 'r'},
    {U'А', 'A'}, {U'В', 'B'}, {U'Е', 'E'}, {U'З', '3'}, {U'К', 'K'}, {U'М', 'M'}, {U'Н', 'H'}, {U'О', 'O'}, {U'Р', 'P'},
    {U'С', 'C'}, {U'Т', 'T'}, {U'У', 'Y'}, {U'Х', 'X'}, {U'Я', 'R'}, {U'И', 'N'}, {U'і', 'i'}, {U'І', 'I'}, {U'ї', 'i'},
    {U'ј', 'j'}, {U'Ј', 'J'}, {U'ѕ', 's'}, {U'Ѕ', 'S'}, {U'һ', 'h'}, {U'ԁ', 'd'}, {U'ԛ', 'q'}, {U'ԝ', 'w'}, {U'ӏ', 'l'},
    {U'Ӏ', 'I'}, {U'ү', 'y'}, {U'Ү', 'Y'}, {U'ґ', 'r'}, {U'є', 'e'}, {U'ѡ', 'w'}, {U'ѵ', 'v'}, {U'ԍ', 'g'}, {U'ԏ', 't'},
    // Greek
    {U'α', 'a'}, {U'β', 'b'}, {U'γ', 'y'}, {U'ε', 'e'}, {U'η', 'n'}, {U'ι', 'i'}, {U'κ', 'k'}, {U'ν', 'v'}, {U'ο', 'o'},
    {U'ρ', 'p'}, {U'σ', 'o'}, {U'τ', 't'}, {U'υ', 'u'}, {U'χ', 'x'}, {U'ω', 'w'}, {U'ϲ', 'c'}, {U'ϳ', 'j'}, {U'Α', 'A'},
    {U'Β', 'B'}, {U'Ε', 'E'}, {U'Ζ', 'Z'}, {U'Η', 'H'}, {U'Ι', 'I'}, {U'Κ', 'K'}, {U'Μ', 'M'}, {U'Ν', 'N'}, {U'Ο', 'O'},
    {U'Ρ', 'P'}, {U'Τ', 'T'}, {U'Υ', 'Y'}, {U'Χ', 'X'}, {U'Λ', 'A'}, {U'Σ', 'E'},
    // Armenian
    {U'օ', 'o'}, {U'ս', 'u'}, {U'հ', 'h'}, {U'ո', 'n'}, {U'ց', 'g'}, {U'զ', 'q'}, {U'յ', 'j'}, {U'ք', 'p'}, {U'Տ', 'S'},
    {U'Լ', 'L'}, {U'Օ', 'O'},
    // Cherokee
    {U'Ꭺ', 'A'}, {U'Ᏼ', 'B'}, {U'Ꮯ', 'C'}, {U'Ꭰ', 'D'}, {U'Ꭼ', 'E'}, {U'Ꮋ', 'H'}, {U'Ꭻ', 'J'}, {U'Ꮶ', 'K'}, {U'Ꮮ', 'L'},
    {U'Ꮇ', 'M'}, {U'Ꮲ', 'P'}, {U'Ꭱ', 'R'}, {U'Ꮪ', 'S'}, {U'Ꭲ', 'T'}, {U'Ꮩ', 'V'}, {U'Ꮃ', 'W'}, {U'Ꮓ', 'Z'},
}));

constexpr auto kStyled = Sorted(std::to_array<Twin>({
    {U'ı', 'i'}, {U'ɑ', 'a'}, {U'ɡ', 'g'}, {U'ƒ', 'f'}, {U'ø', 'o'}, {U'Ø', 'O'}, {U'ł', 'l'}, {U'Ł', 'L'}, {U'đ', 'd'},
    {U'Đ', 'D'}, {U'ħ', 'h'}, {U'ŧ', 't'}, {U'ƀ', 'b'}, {U'ɓ', 'b'}, {U'ɗ', 'd'}, {U'ɛ', 'e'}, {U'ɩ', 'i'}, {U'ɨ', 'i'},
    {U'ƙ', 'k'}, {U'ɱ', 'm'}, {U'ŋ', 'n'}, {U'ɳ', 'n'}, {U'ơ', 'o'}, {U'ƥ', 'p'}, {U'ʂ', 's'}, {U'ƭ', 't'}, {U'ʋ', 'v'},
    {U'ʏ', 'y'}, {U'ƴ', 'y'}, {U'ʐ', 'z'}, {U'ƶ', 'z'}, {U'ʀ', 'r'}, {U'ʙ', 'b'}, {U'ɢ', 'g'}, {U'ʜ', 'h'}, {U'ɪ', 'i'},
    {U'ʟ', 'l'}, {U'ɴ', 'n'}, {U'ᴀ', 'a'}, {U'ᴄ', 'c'}, {U'ᴅ', 'd'}, {U'ᴇ', 'e'}, {U'ꜰ', 'f'}, {U'ᴊ', 'j'}, {U'ᴋ', 'k'},
    {U'ᴍ', 'm'}, {U'ᴏ', 'o'}, {U'ᴘ', 'p'}, {U'ꞯ', 'q'}, {U'ꜱ', 's'}, {U'ᴛ', 't'}, {U'ᴜ', 'u'}, {U'ᴠ', 'v'}, {U'ᴡ', 'w'},
    {U'ᴢ', 'z'},
    // turned letters
    {U'ɐ', 'a'}, {U'ɔ', 'c'}, {U'ǝ', 'e'}, {U'ɟ', 'f'}, {U'ƃ', 'g'}, {U'ɥ', 'h'}, {U'ᴉ', 'i'}, {U'ɾ', 'j'}, {U'ʞ', 'k'},
    {U'ɯ', 'm'}, {U'ɹ', 'r'}, {U'ʇ', 't'}, {U'ʌ', 'v'}, {U'ʍ', 'w'}, {U'ʎ', 'y'},
    // typography
    {U'‘', '\''}, {U'’', '\''}, {U'‚', '\''}, {U'‛', '\''}, {U'ʼ', '\''}, {U'“', '"'}, {U'”', '"'}, {U'„', '"'}, {U'«', '"'},
    {U'»', '"'}, {U'‐', '-'}, {U'‑', '-'}, {U'‒', '-'}, {U'–', '-'}, {U'—', '-'}, {U'―', '-'}, {U'−', '-'}, {U'⁃', '-'},
    {U'∕', '/'}, {U'⁄', '/'}, {U'∗', '*'}, {U'•', '*'}, {U'·', '.'}, {U'․', '.'}, {U'。', '.'}, {U'\u3164', ' '},
    {U'\u2028', '\n'}, {U'\u2029', '\n'},
}));

template <class Table>
char TwinIn(const Table& table, char32_t cp) {
  const auto found = std::lower_bound(table.begin(), table.end(), cp, [](Twin pair, char32_t value) { return pair.cp < value; });
  return found != table.end() && found->cp == cp ? found->letter : 0;
}

}  // namespace

char ForeignLookalike(char32_t cp) { return cp < 0x370 ? 0 : TwinIn(kForeign, cp); }

char StyledLookalike(char32_t cp) {
  if (cp >= 0x1F1E6 && cp <= 0x1F1FF) return static_cast<char>('A' + (cp - 0x1F1E6));  // regional indicators
  if (cp >= 0x1F150 && cp <= 0x1F169) return static_cast<char>('A' + (cp - 0x1F150));  // negative circled
  if (cp >= 0x1F170 && cp <= 0x1F189) return static_cast<char>('A' + (cp - 0x1F170));  // negative squared
  return cp < 0x80 ? 0 : TwinIn(kStyled, cp);
}

bool IsInvisible(char32_t cp) {
  if (cp < 0x20) return cp != '\t' && cp != '\n' && cp != '\r';
  if (cp < 0x7F) return false;
  return cp <= 0x9F || cp == 0xAD || cp == 0x34F || cp == 0x61C || cp == 0x115F || cp == 0x1160 || cp == 0x17B4 ||
         cp == 0x17B5 || (cp >= 0x180B && cp <= 0x180F) || (cp >= 0x200B && cp <= 0x200F) ||
         (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2060 && cp <= 0x206F) || (cp >= 0xFE00 && cp <= 0xFE0F) ||
         cp == 0xFEFF || cp == 0xFFA0 || (cp >= 0xFFF0 && cp <= 0xFFFB) || (cp >= 0x1D173 && cp <= 0x1D17A) ||
         (cp >= 0xE0000 && cp <= 0xE0FFF);
}

}  // namespace plumb::guard
