#include "measure/redteam/encodings.h"

#include <cctype>

namespace plumb::redteam {

std::string Rotate(std::string_view text, int by) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>('a' + (c - 'a' + by) % 26);
    else if (c >= 'A' && c <= 'Z') c = static_cast<char>('A' + (c - 'A' + by) % 26);
  }
  return out;
}

std::string Leet(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    constexpr std::string_view kFrom = "aeiostAEIOST", kTo = "431057431057";
    if (const size_t at = kFrom.find(c); at != std::string_view::npos) c = kTo[at];
  }
  return out;
}

std::string Spaced(std::string_view text) {
  std::string out;
  for (char c : text) {
    out += c;
    if (std::isalpha(static_cast<unsigned char>(c))) out += ' ';
  }
  return out;
}

}  // namespace plumb::redteam
