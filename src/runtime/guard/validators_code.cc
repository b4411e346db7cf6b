// What an answer must not smuggle out or bring in: addresses that take data along, and code with well-known holes.
#include <algorithm>
#include <cctype>
#include <string>

#include "base/core/text.h"
#include "runtime/guard/validator_text.h"
#include "runtime/guard/validators.h"

namespace plumb::guard {
namespace {

// Where a server reads what it is sent: behind "?" or "#", and in the path.
constexpr size_t kLongValue = 24;

bool IsPlaceholder(std::string_view value) {
  const std::string lower = Lower(value);
  for (const std::string_view word : {"conversation", "chat", "history", "secret", "password", "token", "system_prompt", "prompt", "user_data", "userdata", "data", "summary", "{", "%7b", "[", "<"})
    if (lower.starts_with(word)) return true;
  return false;
}

// A value that no person typed: long, and random or percent-coded words.
bool CarriesData(std::string_view value) {
  if (IsPlaceholder(value)) return true;
  if (value.size() < kLongValue) return false;
  const auto coded = std::count(value.begin(), value.end(), '%') + std::count(value.begin(), value.end(), '+');
  return coded >= 3 || Entropy(value) >= 3.5;
}

bool AddressCarriesData(std::string_view url, bool fetched_by_itself) {
  const size_t query = url.find('?');
  if (query != std::string_view::npos)
    for (std::string_view rest = url.substr(query + 1); !rest.empty();) {
      const std::string_view pair = rest.substr(0, rest.find('&'));
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
      const size_t equals = pair.find('=');
      if (CarriesData(equals == std::string_view::npos ? pair : pair.substr(equals + 1))) return true;
    }
  // A picture is fetched without a click: its path may carry data as well.
  const std::string_view path = url.substr(0, query);
  const size_t last = path.rfind('/');
  if (!fetched_by_itself || last == std::string_view::npos) return false;
  const std::string_view name = path.substr(last + 1);
  return name.find('.') == std::string_view::npos && name.size() >= kLongValue && Entropy(name) >= 3.5;
}

// From `at` to the end of the line, and of it so much at most.
std::string_view RestOfLine(std::string_view text, size_t at, size_t most) {
  const std::string_view rest = text.substr(at, most);
  return rest.substr(0, rest.find('\n'));
}

bool HasAny(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// Whether a literal's closing quote is followed by what joins a variable to it.
bool JoinsToLiteral(std::string_view line) {
  for (size_t i = 0; i + 1 < line.size(); ++i) {
    if (line[i] != '"' && line[i] != '\'' && line[i] != '`') continue;
    std::string_view after = line.substr(i + 1);
    while (!after.empty() && after[0] == ' ') after.remove_prefix(1);
    if (after.empty()) return false;
    if (after.starts_with(".format(")) return true;
    if ((after[0] == '+' || after[0] == '%') && after.size() > 1) {
      after.remove_prefix(1);
      while (!after.empty() && (after[0] == ' ' || after[0] == '(')) after.remove_prefix(1);
      if (!after.empty() && (std::isalpha(static_cast<unsigned char>(after[0])) || after[0] == '_' || after[0] == '$')) return true;
    }
  }
  return false;
}

Span Through(Span candidate, std::string_view rest) { return {candidate.begin, static_cast<uint32_t>(candidate.end + rest.size())}; }

}  // namespace

std::vector<Span> DataCarryingLink(std::string_view text, Span candidate) {
  // The candidate is "](https://": the words before it, the address behind it.
  size_t open = candidate.begin;
  while (open > 0 && candidate.begin - open < 80 && text[open - 1] != '[' && text[open - 1] != '\n') --open;
  if (open == 0 || text[open - 1] != '[') return {};
  --open;
  const bool image = Before(text, open) == '!';
  if (image) --open;
  size_t end = candidate.end;
  while (end < text.size() && end - candidate.end < 400 && text[end] != ')' && static_cast<unsigned char>(text[end]) > ' ') ++end;
  const bool carries = AddressCarriesData(text.substr(candidate.end, end - candidate.end), image);
  if (At(text, end) == ')') ++end;
  return If(carries, {static_cast<uint32_t>(open), static_cast<uint32_t>(end)});
}

std::vector<Span> DataCarryingImage(std::string_view text, Span candidate) {
  const std::string_view rest = text.substr(candidate.end, 480);
  const std::string_view tag = rest.substr(0, rest.find('>'));
  const std::string lower = Lower(tag);
  const size_t source = lower.find("src="), scheme = source == std::string::npos ? source : lower.find("://", source);
  if (scheme == std::string::npos || scheme > source + 12) return {};
  std::string_view url = tag.substr(scheme + 3);
  url = url.substr(0, url.find_first_of("\"' \n"));
  return If(AddressCarriesData(url, true), Through(candidate, tag));
}

std::vector<Span> ShellFromWeb(std::string_view text, Span candidate) {
  size_t line = candidate.begin;
  while (line > 0 && candidate.begin - line < 240 && text[line - 1] != '\n') --line;
  const std::string_view before = text.substr(line, candidate.begin - line);
  const size_t curl = before.rfind("curl "), wget = before.rfind("wget ");
  const size_t at = curl == std::string_view::npos ? wget : wget == std::string_view::npos ? curl : std::max(curl, wget);
  if (at == std::string_view::npos) return {};
  return {{static_cast<uint32_t>(line + at), candidate.end}};
}

std::vector<Span> ShellInjection(std::string_view text, Span candidate) {
  const std::string_view rest = RestOfLine(text, candidate.end, 160);
  const bool formatted = (rest.starts_with("f\"") || rest.starts_with("f'")) && rest.find('{') != std::string_view::npos;
  return If(formatted || JoinsToLiteral(rest) || HasAny(rest, {"shell=True", "shell = True"}), Through(candidate, rest));
}

std::vector<Span> UnsafeLoad(std::string_view text, Span candidate) {
  const std::string_view rest = RestOfLine(text, candidate.end, 80);
  return If(!HasAny(rest.substr(0, rest.find(')')), {"SafeLoader"}), candidate);
}

std::vector<Span> SqlFromParts(std::string_view text, Span candidate) {
  std::string_view rest = RestOfLine(text, candidate.end, 160);
  rest = rest.substr(0, rest.find(';'));
  // "f" before the quote, or a template's sign: names in braces are put in.
  const size_t brace = rest.find('{');
  const bool braces = brace != std::string_view::npos && brace + 1 < rest.size() && (std::isalpha(static_cast<unsigned char>(rest[brace + 1])) || rest[brace + 1] == '_') &&
                      (Before(text, candidate.begin) == 'f' || text[candidate.begin] == '`' || (brace > 0 && rest[brace - 1] == '$'));
  return If(braces || JoinsToLiteral(rest), Through(candidate, rest));
}

std::vector<Span> WeakPasswordHash(std::string_view text, Span candidate) {
  const std::string rest = Lower(RestOfLine(text, candidate.end, 60));
  const std::string_view argument = std::string_view(rest).substr(0, rest.find(')'));
  return If(HasAny(argument, {"password", "passwd", "pwd"}), Through(candidate, argument));
}

std::vector<Span> ScriptInjection(std::string_view text, Span candidate) {
  std::string_view rest = RestOfLine(text, candidate.end, 80);
  rest = rest.substr(0, rest.find(';'));
  return If(HasAny(rest, {"location", "document.URL", "document.cookie", "document.referrer", "params", "query", "input", ".value"}), Through(candidate, rest));
}

}  // namespace plumb::guard
