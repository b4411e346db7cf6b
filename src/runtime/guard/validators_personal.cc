// Numbers and places that are a person's: national identity numbers, medical records, postal addresses.
#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "base/core/text.h"
#include "runtime/guard/national_id.h"
#include "runtime/guard/validator_text.h"
#include "runtime/guard/validators.h"

namespace plumb::guard {
namespace {

// How sure a written form makes one: a check digit alone is right for every tenth number, so a form that other numbers
// have, too, counts only where the text says what it is.
struct Scheme {
  bool (*holds)(std::string_view id);
  bool self_evident;                       // the form and the check together are rare among other numbers
  std::array<std::string_view, 6> words;   // any of these before it makes it sure
};

constexpr Scheme kGermany = {national_id::Germany, false, {"steuer-id", "steueridentifikation", "steuer id", "idnr", "tax id", "identifikationsnummer"}};
constexpr Scheme kNetherlands = {national_id::Netherlands, false, {"bsn", "burgerservice", "sofi"}};
constexpr Scheme kPoland = {national_id::Poland, false, {"pesel"}};
constexpr Scheme kNhs = {national_id::Nhs, false, {"nhs"}};
constexpr Scheme kBrazil = {national_id::Brazil, false, {"cpf", "cadastro de pessoas"}};
constexpr Scheme kCanada = {national_id::Canada, false, {"social insurance", "canadian sin", "sin number", "sin:", "sin is", "nas:"}};
constexpr Scheme kIndia = {national_id::India, false, {"aadhaar", "aadhar", "uidai", "आधार"}};
constexpr Scheme kTurkey = {national_id::Turkey, false, {"kimlik", "tckn", "t.c. no"}};
constexpr Scheme kBelgium = {national_id::Belgium, false, {"rijksregister", "registre national", "national number", "insz", "niss"}};
constexpr Scheme kNorway = {national_id::Norway, true, {}};
constexpr Scheme kSouthAfrica = {national_id::SouthAfrica, true, {}};

bool Named(std::string_view text, size_t at, const Scheme& scheme) {
  const size_t from = at > 48 ? at - 48 : 0;
  const std::string before = Lower(text.substr(from, at - from));
  return std::any_of(scheme.words.begin(), scheme.words.end(), [&](std::string_view word) { return !word.empty() && before.find(word) != std::string::npos; });
}

// The candidate's letters and digits, upper case; `kept` are signs that belong to the number.
std::string Compact(std::string_view part, std::string_view kept = {}) {
  std::string out;
  for (const char c : part)
    if (IsAlnum(c) || kept.find(c) != std::string_view::npos) out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

// Whether the candidate is a whole number by itself, not a piece of a longer one.
bool Alone(std::string_view text, Span candidate) {
  const char before = Before(text, candidate.begin), after = At(text, candidate.end);
  if (IsAlnum(before) || IsAlnum(after) || before == '_' || after == '_') return false;
  const auto joins = [](char c) { return c == '-' || c == '.' || c == '/' || c == ','; };
  if (candidate.begin > 1 && joins(before) && IsDigit(text[candidate.begin - 2])) return false;
  return !(joins(after) && IsDigit(At(text, candidate.end + 1)));
}

// The runs of digits in the candidate.
std::vector<Span> Groups(std::string_view text, Span candidate) {
  std::vector<Span> out;
  for (uint32_t i = candidate.begin; i < candidate.end; ++i) {
    if (!IsDigit(text[i])) continue;
    if (out.empty() || out.back().end != i) out.push_back({i, i});
    out.back().end = i + 1;
  }
  return out;
}

bool HasForm(std::string_view part, std::string_view form) {
  return part.size() == form.size() && std::equal(part.begin(), part.end(), form.begin(), [](char c, char f) { return f == '0' ? IsDigit(c) : c == f; });
}

bool IsPersons(std::string_view text, Span span, std::initializer_list<Scheme> schemes) {
  const std::string_view part = Part(text, span);
  const std::string id = Compact(part);
  // Hardly anything else is written so.
  if (HasForm(part, "000.000.000-00")) return national_id::Brazil(id);
  if (HasForm(part, "00.00.00-000.00")) return national_id::Belgium(id);
  return std::any_of(schemes.begin(), schemes.end(), [&](const Scheme& scheme) { return scheme.holds(id) && (scheme.self_evident || Named(text, span.begin, scheme)); });
}

template <bool (*kHolds)(std::string_view)>
std::vector<Span> SelfEvident(std::string_view text, Span candidate) {
  return If(Alone(text, candidate) && kHolds(Compact(Part(text, candidate))), candidate);
}

}  // namespace

std::vector<Span> DigitsOfPerson(std::string_view text, Span candidate) {
  const std::vector<Span> groups = Groups(text, candidate);
  std::vector<Span> out;
  // The longest row of groups from each on: the candidate may have other numbers before and after.
  for (size_t first = 0; first < groups.size(); ++first)
    for (size_t last = std::min(groups.size(), first + 6); last-- > first;) {
      const Span span = {groups[first].begin, groups[last].end};
      if (span.end - span.begin > 18 || !Alone(text, span)) continue;
      if (!IsPersons(text, span, {kGermany, kNetherlands, kPoland, kNhs, kBrazil, kCanada, kIndia, kTurkey, kBelgium, kNorway, kSouthAfrica})) continue;
      out.push_back(span);
      first = last;
      break;
    }
  return out;
}

std::vector<Span> FrenchNumber(std::string_view text, Span candidate) { return SelfEvident<national_id::France>(text, candidate); }
std::vector<Span> SpanishNumber(std::string_view text, Span candidate) { return SelfEvident<national_id::Spain>(text, candidate); }
std::vector<Span> ItalianCode(std::string_view text, Span candidate) { return SelfEvident<national_id::Italy>(text, candidate); }
std::vector<Span> SwedishNumber(std::string_view text, Span candidate) { return SelfEvident<national_id::Sweden>(text, candidate); }
std::vector<Span> SwissNumber(std::string_view text, Span candidate) { return SelfEvident<national_id::Switzerland>(text, candidate); }
std::vector<Span> MexicanCode(std::string_view text, Span candidate) { return SelfEvident<national_id::Mexico>(text, candidate); }
std::vector<Span> ChineseNumber(std::string_view text, Span candidate) { return SelfEvident<national_id::China>(text, candidate); }
std::vector<Span> KoreanNumber(std::string_view text, Span candidate) { return SelfEvident<national_id::Korea>(text, candidate); }

std::vector<Span> FinnishCode(std::string_view text, Span candidate) { return If(Alone(text, candidate) && national_id::Finland(Compact(Part(text, candidate), "+-")), candidate); }

std::vector<Span> InsuranceNumber(std::string_view text, Span candidate) {
  constexpr Scheme kWords = {national_id::UnitedKingdom, false, {"national insurance", "nino", "ni number", "ni no", "insurance number"}};
  // Without a check digit the form must be the written one, in pairs, or the text must say what it is.
  const std::string_view part = Part(text, candidate);
  const bool pairs = part.size() == 13 && part[2] == ' ' && part[5] == ' ' && part[8] == ' ' && part[11] == ' ';
  return If(Alone(text, candidate) && kWords.holds(Compact(part)) && (pairs || Named(text, candidate.begin, kWords)), candidate);
}

std::vector<Span> MedicalRecord(std::string_view text, Span candidate) {
  // The words, then the number: only the number is the person's.
  size_t end = candidate.end;
  while (end > candidate.begin && !IsAlnum(text[end - 1])) --end;
  size_t begin = end;
  while (begin > candidate.begin && (IsAlnum(text[begin - 1]) || text[begin - 1] == '-')) --begin;
  const std::string_view number = text.substr(begin, end - begin);
  const auto digits = std::count_if(number.begin(), number.end(), IsDigit);
  return If(number.size() >= 5 && digits >= 4 && !IsAlnum(At(text, end)), {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
}

std::vector<Span> PostalAddress(std::string_view text, Span candidate) {
  if (IsAlnum(Before(text, candidate.begin)) || IsAlnum(At(text, candidate.end))) return {};
  return {candidate};
}

std::vector<Span> EnglishAddress(std::string_view text, Span candidate) {
  if (IsAlnum(Before(text, candidate.begin))) return {};
  constexpr size_t kRest = 64;
  // Words of the rest of the line: "12345", or the two halves of "LS1 4AB".
  const std::string_view rest = text.substr(candidate.end, kRest).substr(0, text.substr(candidate.end, kRest).find('\n'));
  const auto outward = [](std::string_view w) { return w.size() >= 2 && w.size() <= 4 && std::isupper(static_cast<unsigned char>(w[0])) && std::any_of(w.begin(), w.end(), IsDigit); };
  const auto inward = [](std::string_view w) { return w.size() == 3 && IsDigit(w[0]) && std::isupper(static_cast<unsigned char>(w[1])) && std::isupper(static_cast<unsigned char>(w[2])); };
  std::string_view before;
  size_t words = 0;
  for (size_t at = 0; at < rest.size() && words < 8;) {
    if (!IsAlnum(rest[at])) {
      // A sentence's end ends the address, but for "St." and the like.
      if ((rest[at] == '.' && at > 1) || rest[at] == ';' || rest[at] == ':') break;
      ++at;
      continue;
    }
    size_t end = at;
    while (end < rest.size() && IsAlnum(rest[end])) ++end;
    const std::string_view word = rest.substr(at, end - at);
    const bool zip = word.size() == 5 && std::all_of(word.begin(), word.end(), IsDigit);
    if (zip || (outward(before) && inward(word))) return {{candidate.begin, static_cast<uint32_t>(candidate.end + end)}};
    before = word;
    at = end;
    ++words;
  }
  constexpr Scheme kWords = {nullptr, false, {"address", "live at", "lives at", "living at", "deliver to", "ship to"}};
  return If(Named(text, candidate.begin, kWords), candidate);
}

}  // namespace plumb::guard
