// Secrets: keys and tokens by their form and their randomness.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/core/hash.h"
#include "runtime/guard/validator_text.h"
#include "runtime/guard/validators.h"

namespace plumb::guard {

double Entropy(std::string_view text) {
  std::array<int, 256> counts{};
  for (const unsigned char c : text) ++counts[c];
  double bits = 0;
  for (const int count : counts) {
    if (count == 0) continue;
    const double p = static_cast<double>(count) / static_cast<double>(text.size());
    bits -= p * std::log2(p);
  }
  return bits;
}

std::vector<Span> RandomKey(std::string_view text, Span candidate) {
  while (candidate.end < text.size() && candidate.end - candidate.begin < 256 &&
         IsKeyCharacter(text[candidate.end]))
    ++candidate.end;
  const std::string_view part = Part(text, candidate);
  const bool digit = std::any_of(part.begin(), part.end(), IsDigit);
  return If(digit && Entropy(part) >= 3.0, candidate);
}

std::vector<Span> SecretAssignment(std::string_view text, Span candidate) {
  size_t begin = candidate.end;
  while (begin < text.size() && begin < candidate.end + 4 &&
         std::string_view("\"':= ").find(text[begin]) != std::string_view::npos)
    ++begin;
  size_t end = begin;
  while (end < text.size() && end - begin < 128 &&
         (IsKeyCharacter(text[end]) ||
          std::string_view("+/=.~").find(text[end]) != std::string_view::npos))
    ++end;
  const Span value{static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  const std::string_view part = Part(text, value);
  const bool digit = std::any_of(part.begin(), part.end(), IsDigit);
  return If(part.size() >= 16 && digit && Entropy(part) >= 3.5, value);
}

std::vector<Span> JsonWebToken(std::string_view text, Span candidate) {
  size_t end = candidate.begin, dots = 0;
  while (end < text.size() && end - candidate.begin < 3264 &&
         (IsKeyCharacter(text[end]) || (text[end] == '.' && ++dots <= 2)))
    ++end;
  candidate.end = static_cast<uint32_t>(end);
  if (dots < 2) return {};
  std::string head(Part(text, candidate));
  head = head.substr(0, head.find('.'));
  std::replace(head.begin(), head.end(), '-', '+');
  std::replace(head.begin(), head.end(), '_', '/');
  head.append((4 - head.size() % 4) % 4, '=');
  const auto decoded = Base64Decode(head);
  return If(decoded && decoded->find("\"alg\"") != std::string::npos, candidate);
}

std::vector<Span> PrivateKeyBlock(std::string_view text, Span candidate) {
  // From the header through the body to the footer; where there is no footer, through what looks
  // like the body.
  const std::string_view rest = text.substr(candidate.end, 16384);
  const size_t footer = rest.find("-----END ");
  if (footer != std::string_view::npos) {
    const size_t close = rest.find("-----", footer + 9);
    const size_t end = close == std::string_view::npos ? rest.size() : close + 5;
    return {{candidate.begin, static_cast<uint32_t>(candidate.end + end)}};
  }
  size_t n = 0;
  while (n < rest.size() && (IsAlnum(rest[n]) || std::string_view("+/=\r\n\\:,- ").find(rest[n]) !=
                                                     std::string_view::npos))
    ++n;
  return {{candidate.begin, static_cast<uint32_t>(candidate.end + n)}};
}

}  // namespace plumb::guard
