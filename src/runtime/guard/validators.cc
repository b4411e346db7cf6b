// Whom and what a text names: people's numbers, addresses of machines and mailboxes.
#include "runtime/guard/validators.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "base/core/text.h"
#include "runtime/guard/validator_text.h"

namespace plumb::guard {
namespace {

// Whether one of `words` stands in the 48 bytes before `at`.
bool Introduced(std::string_view text, size_t at, std::initializer_list<std::string_view> words) {
  const size_t from = at > 48 ? at - 48 : 0;
  const std::string before = Lower(text.substr(from, at - from));
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return before.find(word) != std::string::npos; });
}

}  // namespace

std::vector<Span> AsFound(std::string_view, Span candidate) { return {candidate}; }

std::vector<Span> SocialSecurity(std::string_view text, Span candidate) {
  std::string digits;
  size_t separators = 0;
  for (const char c : Part(text, candidate)) IsDigit(c) ? void(digits += c) : void(++separators);
  if (digits.size() != 9 || separators == 1) return {};
  if (IsDigit(Before(text, candidate.begin)) || IsDigit(At(text, candidate.end)) ||
      Before(text, candidate.begin) == '-' ||
      (At(text, candidate.end) == '-' && IsDigit(At(text, candidate.end + 1))))
    return {};
  if (separators == 2 && text[candidate.begin + 3] != text[candidate.begin + 6]) return {};
  if (separators == 0 &&
      !Introduced(text, candidate.begin, {"ssn", "social security", "social-security", "soc sec"}))
    return {};
  const std::string area = digits.substr(0, 3);
  const bool issued = area != "000" && area != "666" && area[0] != '9' &&
                      digits.substr(3, 2) != "00" && digits.substr(5) != "0000";
  // Printed in advertisements and pamphlets, and void ever since.
  const bool advert = digits == "078051120" || digits == "219099999";
  return If(issued && !advert, candidate);
}

std::vector<Span> Phones(std::string_view text, Span candidate) {
  const std::string_view part = Part(text, candidate);
  const auto digits = std::count_if(part.begin(), part.end(), IsDigit);
  if (digits < 8 || digits > 15) return {};
  const char before = Before(text, candidate.begin), after = At(text, candidate.end);
  if (IsAlnum(before) || IsDigit(after) || before == '.' || before == '-' || before == '/' ||
      before == '$' ||
      ((after == '-' || after == '.' || after == '/') && IsDigit(At(text, candidate.end + 1))))
    return {};
  if (part[0] == '+') return {candidate};
  // A bare run of digits is a phone number only where the text says so.
  const bool separated = std::any_of(part.begin(), part.end(), [](char c) { return !IsDigit(c); });
  const bool nanp = separated && digits == 10;
  const bool named = Introduced(text, candidate.begin,
                                {"phone", "tel", "call", "mobile", "cell", "whatsapp", "fax",
                                 "text me", "contact", "number is"});
  return If(nanp || named, candidate);
}

std::vector<Span> Ipv4(std::string_view text, Span candidate) {
  const char before = Before(text, candidate.begin), after = At(text, candidate.end);
  if (IsAlnum(before) || before == '.' || IsDigit(after) ||
      (after == '.' && IsDigit(At(text, candidate.end + 1))))
    return {};
  in_addr address;
  // inet_pton refuses leading zeros and octets above 255.
  return If(inet_pton(AF_INET, std::string(Part(text, candidate)).c_str(), &address) == 1 &&
                !Introduced(text, candidate.begin, {"version", "release"}),
            candidate);
}

std::vector<Span> Ipv6(std::string_view text, Span candidate) {
  const char before = Before(text, candidate.begin), after = At(text, candidate.end);
  if (IsAlnum(before) || before == ':' || IsAlnum(after)) return {};
  std::string part(Part(text, candidate));
  while (part.size() > 2 && part.back() == ':' && part[part.size() - 2] != ':')
    part.pop_back();  // "fe80::1: …"
  const bool enough = std::count(part.begin(), part.end(), ':') >= 2 &&
                      std::any_of(part.begin(), part.end(), IsDigit) && part.size() >= 6;
  in6_addr address;
  return If(enough && inet_pton(AF_INET6, part.c_str(), &address) == 1,
            {candidate.begin, static_cast<uint32_t>(candidate.begin + part.size())});
}

std::vector<Span> EmailAddress(std::string_view text, Span candidate) {
  const size_t sign = text.find('@', candidate.begin);
  size_t begin = sign, end = sign + 1, label = 0, last_dot = 0;
  while (begin > 0 && sign - begin < 64 &&
         (IsAlnum(text[begin - 1]) ||
          std::string_view("._%+-").find(text[begin - 1]) != std::string_view::npos))
    --begin;
  for (size_t dots = 0; end < text.size() && label <= 63; ++end) {
    if (text[end] == '.' && label > 0 && dots < 4 && IsAlnum(At(text, end + 1))) {
      last_dot = end;
      label = 0;
      ++dots;
    } else if (IsAlnum(text[end]) || text[end] == '-') {
      ++label;
    } else {
      break;
    }
  }
  while (end > sign + 1 && text[end - 1] == '-') --end;
  const std::string_view top =
      last_dot > 0 ? text.substr(last_dot + 1, end - last_dot - 1) : std::string_view();
  const bool named =
      top.size() >= 2 && top.size() <= 24 &&
      std::none_of(top.begin(), top.end(), [](char c) { return IsDigit(c) || c == '-'; });
  return If(named && begin < sign, {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
}

}  // namespace plumb::guard
