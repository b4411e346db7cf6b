#include "intent/policy/term_file.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "base/core/hash.h"
#include "base/core/text.h"
#include "intent/policy/check_parts.h"

namespace plumb::policy {
namespace {

// What two spellings of one term have in common: case, and how wide the gaps are.
std::string SameTerm(std::string_view term) {
  std::string out;
  for (const char c : Lower(term)) {
    const bool space = c == ' ' || c == '\t';
    if (!space) out += c;
    else if (!out.ends_with(' ')) out += ' ';
  }
  return out;
}

// What keeps `term` from being looked for, or "".
std::string TermFault(std::string_view term) {
  if (term.size() > kLongestTerm) return fmt::format("is {} bytes long; at most {} are looked for (a regular expression can be wider)", term.size(), kLongestTerm);
  if (!IsUtf8(term)) return "is not UTF-8; save the list as UTF-8";
  const auto sound = [](unsigned char c) { return c >= 0x80 || std::isalnum(c) != 0; };
  if (std::ranges::any_of(term, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) return "has a control character in it; a term is plain text";
  if (std::ranges::none_of(term, sound)) return "has neither a letter nor a digit; use {regex: …} for signs alone";
  return "";
}

}  // namespace

TermFile ParseTermFile(std::string_view text, const std::string& name, Problems& problems) {
  TermFile out{Sha256Hex(text), {}};
  const auto file = std::make_shared<const std::string>(name);
  std::unordered_map<std::string, int> seen;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  int line = 0;
  bool any = false;
  for (std::string_view each : plumb::Split(text, '\n')) {
    const Place place{file, ++line, 1};
    each = Trim(each);
    if (each.empty() || each.starts_with('#')) continue;
    any = true;
    const size_t tab = each.find('\t');
    const std::string_view term = Trim(each.substr(0, tab));
    const std::string_view category = tab == std::string_view::npos ? std::string_view() : Trim(each.substr(tab + 1));
    if (const std::string fault = TermFault(term); !fault.empty()) {
      AddProblem(problems, place, "this term {}", fault);
      continue;
    }
    const auto [before, fresh] = seen.try_emplace(SameTerm(term) + '\t' + std::string(category), line);
    if (!fresh) {
      AddProblem(problems, place, "'{}' stands in line {} already; keep one of them", term, before->second);
      continue;
    }
    out.rows.push_back({std::string(term), std::string(category), line});
  }
  if (!any) AddProblem(problems, Place{file, 1, 1}, "the list has no term; write one word or phrase a line");
  if (out.rows.size() > kMostTerms) AddProblem(problems, Place{file, 1, 1}, "the list has {} terms; at most {} are looked for", out.rows.size(), kMostTerms);
  return out;
}

}  // namespace plumb::policy
