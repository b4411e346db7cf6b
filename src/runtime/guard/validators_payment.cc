// Payment: card numbers, bank accounts, Bitcoin addresses.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/core/hash.h"
#include "base/core/text.h"
#include "runtime/guard/validator_text.h"
#include "runtime/guard/validators.h"

namespace plumb::guard {
namespace {

// Issuer ranges by their first digits, and the lengths each uses.
struct Issuer {
  int low, high, digits;  // prefix range, of so many digits
  std::array<int, 3> lengths;
};
constexpr std::array<Issuer, 19> kIssuers = {{
    {4, 4, 1, {13, 16, 19}},        // Visa
    {51, 55, 2, {16, 16, 16}},      // Mastercard
    {2221, 2720, 4, {16, 16, 16}},  // Mastercard
    {34, 34, 2, {15, 15, 15}},      // American Express
    {37, 37, 2, {15, 15, 15}},      // American Express
    {6011, 6011, 4, {16, 19, 19}},  // Discover
    {644, 649, 3, {16, 19, 19}},    // Discover
    {65, 65, 2, {16, 19, 19}},      // Discover, RuPay
    {3528, 3589, 4, {16, 19, 19}},  // JCB
    {300, 305, 3, {14, 16, 19}},    // Diners
    {36, 36, 2, {14, 16, 19}},      // Diners
    {38, 39, 2, {14, 16, 19}},      // Diners
    {62, 62, 2, {16, 17, 19}},      // UnionPay
    {2200, 2204, 4, {16, 19, 19}},  // Mir
    {5018, 5038, 4, {13, 16, 19}},  // Maestro
    {5893, 5893, 4, {13, 16, 19}},  // Maestro
    {6304, 6304, 4, {13, 16, 19}},  // Maestro
    {6759, 6763, 4, {13, 16, 19}},  // Maestro
    {81, 82, 2, {16, 16, 16}},      // RuPay
}};

bool IssuerHolds(std::string_view digits) {
  for (const Issuer& issuer : kIssuers) {
    const int prefix =
        std::atoi(std::string(digits.substr(0, static_cast<size_t>(issuer.digits))).c_str());
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
  return std::all_of(groups.begin(), groups.end() - 1, [](size_t n) { return n == 4; }) &&
         groups.back() <= 4;
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
      const bool ends =
          !IsDigit(At(text, i + 1)) && !(At(text, i + 1) == '.' && IsDigit(At(text, i + 2)));
      if (ends && digits.size() >= 13 && digits.size() <= 19 && GroupingHolds(groups) &&
          IssuerHolds(digits) && LuhnHolds(digits))
        best = Span{static_cast<uint32_t>(at), static_cast<uint32_t>(i + 1)};
    } else if ((text[i] == ' ' || text[i] == '-') && (separator == 0 || text[i] == separator) &&
               groups.back() > 0) {
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
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22},
    {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FO", 18}, {"FR", 27},
    {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HR", 21}, {"HU", 28},
    {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20},
    {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27},
    {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NL", 18}, {"NO", 15},
    {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VG", 24},
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
    rest = IsDigit(c) ? (rest * 10 + static_cast<uint32_t>(c - '0')) % 97
                      : (rest * 100 + static_cast<uint32_t>(c - 'A') + 10) % 97;
  }
  return rest == 1;
}

uint32_t Bech32Polymod(const std::vector<int>& values) {
  static constexpr std::array<uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa,
                                                         0x3d4233dd, 0x2a1462b3};
  uint32_t check = 1;
  for (const int value : values) {
    const uint32_t top = check >> 25;
    check = (check & 0x1ffffff) << 5 ^ static_cast<uint32_t>(value);
    for (size_t i = 0; i < 5; ++i) check ^= (top >> i & 1) ? kGenerator[i] : 0;
  }
  return check;
}

}  // namespace

bool LuhnHolds(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int digit = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 == 0;
}

std::vector<Span> PaymentCards(std::string_view text, Span candidate) {
  std::vector<Span> out;
  for (size_t at = candidate.begin; at < candidate.end;) {
    const bool begins = IsDigit(text[at]) && !IsDigit(Before(text, at)) &&
                        !(Before(text, at) == '.' && at > 1 && IsDigit(text[at - 2]));
    // A number may go on past the candidate's last reported end.
    const auto card = begins ? CardAt(text, at, text.size()) : std::nullopt;
    if (card) out.push_back(*card);
    at = card ? card->end : at + 1;
  }
  return out;
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
    if (wanted == 0 || iban.size() != wanted || IsAlnum(At(text, i + 1)) || !Mod97Holds(iban))
      continue;
    out.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(i + 1)});
    at = i;
  }
  return out;
}

std::vector<Span> BitcoinBase58(std::string_view text, Span candidate) {
  static constexpr std::string_view kAlphabet =
      "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
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
