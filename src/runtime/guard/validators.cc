#include "runtime/guard/validators.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/core/hash.h"
#include "base/core/text.h"

namespace plumb::guard {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool IsKeyCharacter(char c) { return IsAlnum(c) || c == '_' || c == '-'; }
char At(std::string_view text, size_t at) { return at < text.size() ? text[at] : '\0'; }
char Before(std::string_view text, size_t at) { return at > 0 ? text[at - 1] : '\0'; }
std::string_view Part(std::string_view text, Span span) { return text.substr(span.begin, span.end - span.begin); }
std::vector<Span> If(bool holds, Span span) { return holds ? std::vector<Span>{span} : std::vector<Span>{}; }

// Whether one of `words` stands in the 48 bytes before `at`.
bool Introduced(std::string_view text, size_t at, std::initializer_list<std::string_view> words) {
  const size_t from = at > 48 ? at - 48 : 0;
  const std::string before = Lower(text.substr(from, at - from));
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return before.find(word) != std::string::npos; });
}

// Issuer ranges by their first digits, and the lengths each uses.
struct Issuer {
  int low, high, digits;  // prefix range, of so many digits
  std::array<int, 3> lengths;
};
constexpr std::array<Issuer, 19> kIssuers = {{
    {4, 4, 1, {13, 16, 19}},          // Visa
    {51, 55, 2, {16, 16, 16}},        // Mastercard
    {2221, 2720, 4, {16, 16, 16}},    // Mastercard
    {34, 34, 2, {15, 15, 15}},        // American Express
    {37, 37, 2, {15, 15, 15}},        // American Express
    {6011, 6011, 4, {16, 19, 19}},    // Discover
    {644, 649, 3, {16, 19, 19}},      // Discover
    {65, 65, 2, {16, 19, 19}},        // Discover, RuPay
    {3528, 3589, 4, {16, 19, 19}},    // JCB
    {300, 305, 3, {14, 16, 19}},      // Diners
    {36, 36, 2, {14, 16, 19}},        // Diners
    {38, 39, 2, {14, 16, 19}},        // Diners
    {62, 62, 2, {16, 17, 19}},        // UnionPay
    {2200, 2204, 4, {16, 19, 19}},    // Mir
    {5018, 5038, 4, {13, 16, 19}},    // Maestro
    {5893, 5893, 4, {13, 16, 19}},    // Maestro
    {6304, 6304, 4, {13, 16, 19}},    // Maestro
    {6759, 6763, 4, {13, 16, 19}},    // Maestro
    {81, 82, 2, {16, 16, 16}},        // RuPay
}};

bool IssuerHolds(std::string_view digits) {
  for (const Issuer& issuer : kIssuers) {
    const int prefix = std::atoi(std::string(digits.substr(0, static_cast<size_t>(issuer.digits))).c_str());
    if (prefix < issuer.low || prefix > issuer.high) continue;
    for (const int length : issuer.lengths)
      if (static_cast<size_t>(length) == digits.size()) return true;
  }
  return false;
}

// Groups of a written card number: one run, or by fours with a shorter last, or 4-6-4 and 4-6-5.
bool GroupingHolds(const std::vector<size_t>& groups) {
  if (groups.size() == 1) return true;
  if (groups == std::vector<size_t>{4, 6, 5} || groups == std::vector<size_t>{4, 6, 4}) return true;
  return std::all_of(groups.begin(), groups.end() - 1, [](size_t n) { return n == 4; }) && groups.back() <= 4;
}

// The card number that begins at `at`, if one does.
std::optional<Span> CardAt(std::string_view text, size_t at, size_t limit) {
  std::string digits;
  std::vector<size_t> groups = {0};
  char separator = 0;
  std::optional<Span> best;
  for (size_t i = at; i < limit && digits.size() < 20; ++i) {
    if (IsDigit(text[i])) {
      digits += text[i];
      ++groups.back();
      const bool ends = !IsDigit(At(text, i + 1)) && !(At(text, i + 1) == '.' && IsDigit(At(text, i + 2)));
      if (ends && digits.size() >= 13 && digits.size() <= 19 && GroupingHolds(groups) && IssuerHolds(digits) && LuhnHolds(digits))
        best = Span{static_cast<uint32_t>(at), static_cast<uint32_t>(i + 1)};
    } else if ((text[i] == ' ' || text[i] == '-') && (separator == 0 || text[i] == separator) && groups.back() > 0) {
      separator = text[i];
      groups.push_back(0);
    } else {
      break;
    }
  }
  return best;
}

struct Country {
  char code[3];
  size_t length;
};
constexpr std::array<Country, 78> kIbanCountries = {{
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22}, {"BH", 22}, {"BR", 29},
    {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29},
    {"ES", 24}, {"FI", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28},
    {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20},
    {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22},
    {"MK", 19}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NL", 18}, {"NO", 15}, {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25},
    {"QA", 29}, {"RO", 24}, {"RS", 22}, {"SA", 24}, {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27},
    {"SO", 23}, {"ST", 25}, {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VG", 24},
}};

size_t IbanLength(std::string_view code) {
  for (const Country& country : kIbanCountries)
    if (code == country.code) return country.length;
  return 0;
}

// ISO 7064 mod 97-10 over the number with its first four characters moved to the end.
bool Mod97Holds(std::string_view iban) {
  uint32_t rest = 0;
  for (size_t i = 0; i < iban.size(); ++i) {
    const char c = iban[(i + 4) % iban.size()];
    rest = IsDigit(c) ? (rest * 10 + static_cast<uint32_t>(c - '0')) % 97 : (rest * 100 + static_cast<uint32_t>(c - 'A') + 10) % 97;
  }
  return rest == 1;
}

uint32_t Bech32Polymod(const std::vector<int>& values) {
  static constexpr std::array<uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  uint32_t check = 1;
  for (const int value : values) {
    const uint32_t top = check >> 25;
    check = (check & 0x1ffffff) << 5 ^ static_cast<uint32_t>(value);
    for (size_t i = 0; i < 5; ++i) check ^= (top >> i & 1) ? kGenerator[i] : 0;
  }
  return check;
}

}  // namespace

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

bool LuhnHolds(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int digit = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 == 0;
}

std::vector<Span> AsFound(std::string_view, Span candidate) { return {candidate}; }

std::vector<Span> PaymentCards(std::string_view text, Span candidate) {
  std::vector<Span> out;
  for (size_t at = candidate.begin; at < candidate.end;) {
    const bool begins = IsDigit(text[at]) && !IsDigit(Before(text, at)) && !(Before(text, at) == '.' && at > 1 && IsDigit(text[at - 2]));
    // A number may go on past the candidate's last reported end.
    const auto card = begins ? CardAt(text, at, text.size()) : std::nullopt;
    if (card) out.push_back(*card);
    at = card ? card->end : at + 1;
  }
  return out;
}

std::vector<Span> SocialSecurity(std::string_view text, Span candidate) {
  std::string digits;
  size_t separators = 0;
  for (const char c : Part(text, candidate)) IsDigit(c) ? void(digits += c) : void(++separators);
  if (digits.size() != 9 || separators == 1) return {};
  if (IsDigit(Before(text, candidate.begin)) || IsDigit(At(text, candidate.end)) || Before(text, candidate.begin) == '-' ||
      (At(text, candidate.end) == '-' && IsDigit(At(text, candidate.end + 1))))
    return {};
  if (separators == 2 && text[candidate.begin + 3] != text[candidate.begin + 6]) return {};
  if (separators == 0 && !Introduced(text, candidate.begin, {"ssn", "social security", "social-security", "soc sec"})) return {};
  const std::string area = digits.substr(0, 3);
  const bool issued = area != "000" && area != "666" && area[0] != '9' && digits.substr(3, 2) != "00" && digits.substr(5) != "0000";
  // Printed in advertisements and pamphlets, and void ever since.
  const bool advert = digits == "078051120" || digits == "219099999";
  return If(issued && !advert, candidate);
}

std::vector<Span> Ibans(std::string_view text, Span candidate) {
  std::vector<Span> out;
  for (size_t at = candidate.begin; at + 15 <= candidate.end; ++at) {
    if (IsAlnum(Before(text, at)) || !std::isalpha(static_cast<unsigned char>(text[at]))) continue;
    std::string iban;
    size_t i = at, wanted = 0;
    for (; i < text.size(); ++i) {
      if (IsAlnum(text[i])) {
        iban += static_cast<char>(std::toupper(static_cast<unsigned char>(text[i])));
        if (iban.size() == 2 && (wanted = IbanLength(iban)) == 0) break;
        if (wanted != 0 && iban.size() == wanted) break;
      } else if (text[i] != ' ' || text[i - 1] == ' ') {
        break;
      }
    }
    if (wanted == 0 || iban.size() != wanted || IsAlnum(At(text, i + 1)) || !Mod97Holds(iban)) continue;
    out.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(i + 1)});
    at = i;
  }
  return out;
}

std::vector<Span> Phones(std::string_view text, Span candidate) {
  const std::string_view part = Part(text, candidate);
  const auto digits = std::count_if(part.begin(), part.end(), IsDigit);
  if (digits < 8 || digits > 15) return {};
  const char before = Before(text, candidate.begin), after = At(text, candidate.end);
  if (IsAlnum(before) || IsDigit(after) || before == '.' || before == '-' || before == '/' || before == '$' ||
      ((after == '-' || after == '.' || after == '/') && IsDigit(At(text, candidate.end + 1))))
    return {};
  if (part[0] == '+') return {candidate};
  // A bare run of digits is a phone number only where the text says so.
  const bool separated = std::any_of(part.begin(), part.end(), [](char c) { return !IsDigit(c); });
  const bool nanp = separated && digits == 10;
  const bool named = Introduced(text, candidate.begin, {"phone", "tel", "call", "mobile", "cell", "whatsapp", "fax", "text me", "contact", "number is"});
  return If(nanp || named, candidate);
}

std::vector<Span> Ipv4(std::string_view text, Span candidate) {
  const char before = Before(text, candidate.begin), after = At(text, candidate.end);
  if (IsAlnum(before) || before == '.' || IsDigit(after) || (after == '.' && IsDigit(At(text, candidate.end + 1)))) return {};
  in_addr address;
  // inet_pton refuses leading zeros and octets above 255.
  return If(inet_pton(AF_INET, std::string(Part(text, candidate)).c_str(), &address) == 1 && !Introduced(text, candidate.begin, {"version", "release"}), candidate);
}

std::vector<Span> Ipv6(std::string_view text, Span candidate) {
  const char before = Before(text, candidate.begin), after = At(text, candidate.end);
  if (IsAlnum(before) || before == ':' || IsAlnum(after)) return {};
  std::string part(Part(text, candidate));
  while (part.size() > 2 && part.back() == ':' && part[part.size() - 2] != ':') part.pop_back();  // "fe80::1: …"
  const bool enough = std::count(part.begin(), part.end(), ':') >= 2 && std::any_of(part.begin(), part.end(), IsDigit) && part.size() >= 6;
  in6_addr address;
  return If(enough && inet_pton(AF_INET6, part.c_str(), &address) == 1,
            {candidate.begin, static_cast<uint32_t>(candidate.begin + part.size())});
}

std::vector<Span> EmailAddress(std::string_view text, Span candidate) {
  const size_t sign = text.find('@', candidate.begin);
  size_t begin = sign, end = sign + 1, label = 0, last_dot = 0;
  while (begin > 0 && sign - begin < 64 && (IsAlnum(text[begin - 1]) || std::string_view("._%+-").find(text[begin - 1]) != std::string_view::npos)) --begin;
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
  const std::string_view top = last_dot > 0 ? text.substr(last_dot + 1, end - last_dot - 1) : std::string_view();
  const bool named = top.size() >= 2 && top.size() <= 24 && std::none_of(top.begin(), top.end(), [](char c) { return IsDigit(c) || c == '-'; });
  return If(named && begin < sign, {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
}

std::vector<Span> RandomKey(std::string_view text, Span candidate) {
  while (candidate.end < text.size() && candidate.end - candidate.begin < 256 && IsKeyCharacter(text[candidate.end])) ++candidate.end;
  const std::string_view part = Part(text, candidate);
  const bool digit = std::any_of(part.begin(), part.end(), IsDigit);
  return If(digit && Entropy(part) >= 3.0, candidate);
}

std::vector<Span> SecretAssignment(std::string_view text, Span candidate) {
  size_t begin = candidate.end;
  while (begin < text.size() && begin < candidate.end + 4 && std::string_view("\"':= ").find(text[begin]) != std::string_view::npos) ++begin;
  size_t end = begin;
  while (end < text.size() && end - begin < 128 && (IsKeyCharacter(text[end]) || std::string_view("+/=.~").find(text[end]) != std::string_view::npos)) ++end;
  const Span value{static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  const std::string_view part = Part(text, value);
  const bool digit = std::any_of(part.begin(), part.end(), IsDigit);
  return If(part.size() >= 16 && digit && Entropy(part) >= 3.5, value);
}

std::vector<Span> JsonWebToken(std::string_view text, Span candidate) {
  size_t end = candidate.begin, dots = 0;
  while (end < text.size() && end - candidate.begin < 3264 && (IsKeyCharacter(text[end]) || (text[end] == '.' && ++dots <= 2))) ++end;
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
  // From the header through the body to the footer; where there is no footer, through what looks like the body.
  const std::string_view rest = text.substr(candidate.end, 16384);
  const size_t footer = rest.find("-----END ");
  if (footer != std::string_view::npos) {
    const size_t close = rest.find("-----", footer + 9);
    const size_t end = close == std::string_view::npos ? rest.size() : close + 5;
    return {{candidate.begin, static_cast<uint32_t>(candidate.end + end)}};
  }
  size_t n = 0;
  while (n < rest.size() && (IsAlnum(rest[n]) || std::string_view("+/=\r\n\\:,- ").find(rest[n]) != std::string_view::npos)) ++n;
  return {{candidate.begin, static_cast<uint32_t>(candidate.end + n)}};
}

std::vector<Span> BitcoinBase58(std::string_view text, Span candidate) {
  static constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  std::array<unsigned char, 25> bytes{};
  for (const char c : Part(text, candidate)) {
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return {};
    auto carry = static_cast<uint32_t>(digit);
    for (size_t i = bytes.size(); i-- > 0;) {
      carry += 58u * bytes[i];
      bytes[i] = static_cast<unsigned char>(carry);
      carry >>= 8;
    }
    if (carry != 0) return {};
  }
  const std::string_view payload(reinterpret_cast<const char*>(bytes.data()), 25);
  return If(Sha256(Sha256(payload.substr(0, 21))).substr(0, 4) == payload.substr(21), candidate);
}

std::vector<Span> BitcoinBech32(std::string_view text, Span candidate) {
  static constexpr std::string_view kCharset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  const std::string address = Lower(Part(text, candidate));
  std::vector<int> values = {'b' >> 5, 'c' >> 5, 0, 'b' & 31, 'c' & 31};
  for (const char c : address.substr(3)) {
    const size_t digit = kCharset.find(c);
    if (digit == std::string_view::npos) return {};
    values.push_back(static_cast<int>(digit));
  }
  const uint32_t check = Bech32Polymod(values);
  return If(check == 1 || check == 0x2bc830a3, candidate);
}

}  // namespace plumb::guard
