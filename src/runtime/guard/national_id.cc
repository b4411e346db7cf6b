#include "runtime/guard/national_id.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "runtime/guard/validator_text.h"
#include "runtime/guard/validators.h"

namespace plumb::guard::national_id {
namespace {

bool Digits(std::string_view id, size_t count) { return id.size() == count && std::all_of(id.begin(), id.end(), IsDigit); }
int Digit(char c) { return c - '0'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

uint64_t Number(std::string_view digits) {
  uint64_t value = 0;
  for (const char c : digits) value = value * 10 + static_cast<uint64_t>(Digit(c));
  return value;
}

int Weighted(std::string_view digits, std::span<const int> weights) {
  int sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) sum += weights[i] * Digit(digits[i]);
  return sum;
}

bool Date(std::string_view month, std::string_view day) {
  constexpr std::array<uint64_t, 12> kDays = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const uint64_t m = Number(month), d = Number(day);
  return m >= 1 && m <= 12 && d >= 1 && d <= kDays[m - 1];
}

}  // namespace

// One digit stands twice or three times among the first ten, and none oftener.
bool Germany(std::string_view id) {
  if (!Digits(id, 11) || id[0] == '0') return false;
  std::array<int, 10> counts = {};
  for (size_t i = 0; i < 10; ++i) ++counts[static_cast<size_t>(Digit(id[i]))];
  const auto twice = std::count(counts.begin(), counts.end(), 2), thrice = std::count(counts.begin(), counts.end(), 3);
  if (twice + thrice != 1 || std::any_of(counts.begin(), counts.end(), [](int n) { return n > 3; })) return false;
  int product = 10;
  for (size_t i = 0; i < 10; ++i) {
    int sum = (Digit(id[i]) + product) % 10;
    if (sum == 0) sum = 10;
    product = 2 * sum % 11;
  }
  return (11 - product) % 10 == Digit(id[10]);
}

bool France(std::string_view id) {
  if (id.size() != 15) return false;
  // Corsica writes its department with a letter.
  uint64_t corsica = 0;
  std::array<char, 15> digits;
  std::copy(id.begin(), id.end(), digits.begin());
  if (id[5] == '2' && (id[6] == 'A' || id[6] == 'B')) {
    corsica = id[6] == 'A' ? 1000000 : 2000000;
    digits[6] = '0';
  }
  const std::string_view plain(digits.data(), digits.size());
  if (!Digits(plain, 15) || (id[0] != '1' && id[0] != '2')) return false;
  const uint64_t month = Number(plain.substr(3, 2));
  if (!((month >= 1 && month <= 12) || month == 20 || (month >= 30 && month <= 42) || month >= 50)) return false;
  const uint64_t number = Number(plain.substr(0, 13));
  return number >= corsica && 97 - (number - corsica) % 97 == Number(plain.substr(13));
}

bool Spain(std::string_view id) {
  constexpr std::string_view kLetters = "TRWAGMYFPDXBNJZSQVHLCKE", kForeign = "XYZ";
  if (id.size() != 9 || !IsUpper(id[8])) return false;
  const size_t foreign = kForeign.find(id[0]);
  if (!Digits(id.substr(1, 7), 7) || (foreign == std::string_view::npos && !IsDigit(id[0]))) return false;
  const uint64_t first = foreign == std::string_view::npos ? static_cast<uint64_t>(Digit(id[0])) : foreign;
  return kLetters[(first * 10000000 + Number(id.substr(1, 7))) % 23] == id[8];
}

bool Italy(std::string_view id) {
  // The shape: surname and name in six letters, year, month letter, day, place, check. Digits may be written as letters
  // where two people would share a code.
  constexpr std::string_view kShape = "LLLLLLNNLNNLNNNL", kSubstitutes = "LMNPQRSTUV", kMonths = "ABCDEHLMPRST";
  constexpr std::array<int, 36> kOdd = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21,  // 0 … 9
                                        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
  if (id.size() != 16 || kMonths.find(id[8]) == std::string_view::npos) return false;
  int sum = 0;
  for (size_t i = 0; i < 16; ++i) {
    const bool fits = kShape[i] == 'L' ? IsUpper(id[i]) : IsDigit(id[i]) || kSubstitutes.find(id[i]) != std::string_view::npos;
    if (!fits) return false;
    if (i == 15) break;
    const int value = IsDigit(id[i]) ? Digit(id[i]) : id[i] - 'A';
    sum += i % 2 == 0 ? kOdd[static_cast<size_t>(IsDigit(id[i]) ? value : value + 10)] : value;
  }
  return id[15] == 'A' + sum % 26;
}

bool Netherlands(std::string_view id) {
  constexpr std::array<int, 9> kWeights = {9, 8, 7, 6, 5, 4, 3, 2, -1};
  return Digits(id, 9) && Number(id) > 0 && Weighted(id, kWeights) % 11 == 0;
}

bool Belgium(std::string_view id) {
  if (!Digits(id, 11) || !Date(id.substr(2, 2), id.substr(4, 2))) return false;
  const uint64_t number = Number(id.substr(0, 9)), check = Number(id.substr(9));
  // From 2000 on the number is reckoned with a 2 before it.
  return 97 - number % 97 == check || 97 - (2000000000 + number) % 97 == check;
}

bool Poland(std::string_view id) {
  constexpr std::array<int, 10> kWeights = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3};
  if (!Digits(id, 11)) return false;
  // The month tells the century: 81 … 92 of the 19th, 1 … 12 of the 20th, 21 … 32 of the 21st and so on.
  const std::array<char, 2> month = {static_cast<char>('0' + Digit(id[2]) % 2), id[3]};
  return Date({month.data(), 2}, id.substr(4, 2)) && (10 - Weighted(id, kWeights) % 10) % 10 == Digit(id[10]);
}

bool Sweden(std::string_view id) {
  if (id.size() == 12) id.remove_prefix(2);
  if (!Digits(id, 10)) return false;
  // A coordination number's day is 60 more.
  std::array<char, 2> day = {id[4], id[5]};
  if (day[0] >= '6') day[0] = static_cast<char>(day[0] - 6);
  return Date(id.substr(2, 2), {day.data(), 2}) && LuhnHolds(id);
}

bool Norway(std::string_view id) {
  constexpr std::array<int, 10> kFirst = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1};
  constexpr std::array<int, 11> kSecond = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};
  if (!Digits(id, 11)) return false;
  std::array<char, 2> day = {id[0], id[1]};
  if (day[0] >= '4') day[0] = static_cast<char>(day[0] - 4);  // a D number
  return Date(id.substr(2, 2), {day.data(), 2}) && Weighted(id, kFirst) % 11 == 0 && Weighted(id, kSecond) % 11 == 0;
}

bool Finland(std::string_view id) {
  constexpr std::string_view kCheck = "0123456789ABCDEFHJKLMNPRSTUVWXY", kCenturies = "+-YXWVUABCDEF";
  if (id.size() != 11 || !Digits(id.substr(0, 6), 6) || !Digits(id.substr(7, 3), 3) || kCenturies.find(id[6]) == std::string_view::npos) return false;
  return Date(id.substr(2, 2), id.substr(0, 2)) && Number(id.substr(7, 3)) >= 2 && kCheck[(Number(id.substr(0, 6)) * 1000 + Number(id.substr(7, 3))) % 31] == id[10];
}

bool Switzerland(std::string_view id) {
  if (!Digits(id, 13) || !id.starts_with("756")) return false;
  int sum = 0;
  for (size_t i = 0; i < 12; ++i) sum += Digit(id[i]) * (i % 2 ? 3 : 1);
  return (10 - sum % 10) % 10 == Digit(id[12]);
}

bool UnitedKingdom(std::string_view id) {
  constexpr std::string_view kNeverFirst = "DFIQUV", kNeverSecond = "DFIOQUV";
  if (id.size() != 9 || !IsUpper(id[0]) || !IsUpper(id[1]) || !Digits(id.substr(2, 6), 6) || id[8] < 'A' || id[8] > 'D') return false;
  if (kNeverFirst.find(id[0]) != std::string_view::npos || kNeverSecond.find(id[1]) != std::string_view::npos) return false;
  const std::string_view prefix = id.substr(0, 2);
  for (const std::string_view unused : {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
    if (prefix == unused) return false;
  return true;
}

bool Nhs(std::string_view id) {
  constexpr std::array<int, 10> kWeights = {10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
  return Digits(id, 10) && Number(id) > 0 && Weighted(id, kWeights) % 11 == 0;
}

bool Brazil(std::string_view id) {
  if (!Digits(id, 11) || std::all_of(id.begin(), id.end(), [&](char c) { return c == id[0]; })) return false;
  for (const size_t length : {size_t{9}, size_t{10}}) {
    int sum = 0;
    for (size_t i = 0; i < length; ++i) sum += Digit(id[i]) * static_cast<int>(length + 1 - i);
    if (sum * 10 % 11 % 10 != Digit(id[length])) return false;
  }
  return true;
}

bool Canada(std::string_view id) { return Digits(id, 9) && id[0] != '0' && id[0] != '8' && LuhnHolds(id); }

bool Mexico(std::string_view id) {
  constexpr std::string_view kValues = "0123456789ABCDEFGHIJKLMN?OPQRSTUVWXYZ";  // Ñ has a value and is never written
  if (id.size() != 18 || !Digits(id.substr(4, 6), 6) || !Date(id.substr(6, 2), id.substr(8, 2)) || !IsDigit(id[17])) return false;
  if (id[10] != 'H' && id[10] != 'M' && id[10] != 'X') return false;
  int sum = 0;
  for (size_t i = 0; i < 17; ++i) {
    const bool letter = i < 4 || (i > 9 && i < 16);
    if (letter ? !IsUpper(id[i]) : !IsDigit(id[i]) && !IsUpper(id[i])) return false;
    sum += static_cast<int>(kValues.find(id[i])) * static_cast<int>(18 - i);
  }
  return (10 - sum % 10) % 10 == Digit(id[17]);
}

bool India(std::string_view id) {
  // The dihedral group of order ten and the permutation of Verhoeff's scheme.
  constexpr std::array<std::string_view, 10> kProduct = {"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"};
  constexpr std::array<std::string_view, 8> kPermuted = {"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"};
  if (!Digits(id, 12) || id[0] < '2') return false;
  size_t state = 0;
  for (size_t i = 0; i < 12; ++i) {
    const auto digit = static_cast<size_t>(Digit(kPermuted[i % 8][static_cast<size_t>(Digit(id[11 - i]))]));
    state = static_cast<size_t>(Digit(kProduct[state][digit]));
  }
  return state == 0;
}

bool China(std::string_view id) {
  constexpr std::array<int, 17> kWeights = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
  if (id.size() != 18 || !Digits(id.substr(0, 17), 17) || id[0] == '0' || id[0] == '9') return false;
  const std::string_view century = id.substr(6, 2);
  if ((century != "18" && century != "19" && century != "20") || !Date(id.substr(10, 2), id.substr(12, 2))) return false;
  return "10X98765432"[Weighted(id, kWeights) % 11] == id[17];
}

bool Korea(std::string_view id) {
  constexpr std::array<int, 12> kWeights = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
  if (!Digits(id, 13) || !Date(id.substr(2, 2), id.substr(4, 2)) || id[6] == '0' || id[6] == '9') return false;
  return (11 - Weighted(id, kWeights) % 11) % 10 == Digit(id[12]);
}

bool SouthAfrica(std::string_view id) { return Digits(id, 13) && Date(id.substr(2, 2), id.substr(4, 2)) && id[10] <= '2' && LuhnHolds(id); }

bool Turkey(std::string_view id) {
  if (!Digits(id, 11) || id[0] == '0') return false;
  int odd = 0, even = 0;
  for (size_t i = 0; i < 9; ++i) (i % 2 ? even : odd) += Digit(id[i]);
  const int tenth = ((7 * odd - even) % 10 + 10) % 10;
  return tenth == Digit(id[9]) && (odd + even + tenth) % 10 == Digit(id[10]);
}

}  // namespace plumb::guard::national_id
