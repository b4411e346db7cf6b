// What an ASCII character is, by one look into a table; the library's functions are calls, and know locales.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace plumb::guard::ascii {

// kWedge: put between the letters of one word, as no ordinary word has it; kSeparator: between letters set apart.
enum Class : uint8_t { kLetter = 1, kDigit = 2, kHex = 4, kBase64 = 8, kPunct = 16, kSpace = 32, kWedge = 64, kSeparator = 128 };

inline constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 0x21; c < 0x7F; ++c) table[static_cast<size_t>(c)] = kPunct;
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = kDigit | kHex | kBase64;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = static_cast<uint8_t>(kLetter | kBase64 | (c <= 'f' ? kHex : 0));
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = static_cast<uint8_t>(kLetter | kBase64 | (c <= 'F' ? kHex : 0));
  for (const char c : std::string_view("+/-_")) table[static_cast<unsigned char>(c)] = kPunct | kBase64;
  for (const char c : std::string_view(" \n\t\r")) table[static_cast<unsigned char>(c)] = kSpace;
  for (const char c : std::string_view("*|~^`")) table[static_cast<unsigned char>(c)] |= kWedge;
  for (const char c : std::string_view(" .-_*|/,~+")) table[static_cast<unsigned char>(c)] |= kSeparator;
  return table;
}();

// Letters in lower case; 0 for all others.
inline constexpr std::array<char, 256> kLetters = [] {
  std::array<char, 256> table{};
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = table[static_cast<size_t>(c - 'a' + 'A')] = c;
  return table;
}();

constexpr bool Is(char c, uint8_t classes) { return (kClasses[static_cast<unsigned char>(c)] & classes) != 0; }
constexpr bool IsLetter(char c) { return Is(c, kLetter); }
constexpr bool IsDigit(char c) { return Is(c, kDigit); }
constexpr bool IsAlnum(char c) { return Is(c, kLetter | kDigit); }
constexpr bool IsHex(char c) { return Is(c, kHex); }
constexpr bool IsBase64(char c) { return Is(c, kBase64); }
constexpr bool IsSpace(char c) { return Is(c, kSpace); }
constexpr bool IsPunct(char c) { return Is(c, kPunct); }
// A byte inside a code point of UTF-8, not its first.
constexpr bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
constexpr char LetterOrNone(char c) { return kLetters[static_cast<unsigned char>(c)]; }
constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace plumb::guard::ascii
