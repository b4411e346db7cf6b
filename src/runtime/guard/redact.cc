#include "runtime/guard/redact.h"

#include <algorithm>

namespace plumb::guard {

std::string RedactionMark(const std::string& clause) { return "[redacted: " + clause + "]"; }

std::string RedactBy(std::string_view text, const Verdict& verdict, const Replacement& replacement) {
  struct Mark {
    size_t begin, end;
    const std::string* clause;
  };
  std::vector<Mark> marks;
  for (const auto& [id, category] : verdict.categories)
    if (category.fired && category.action == Action::kRedact)
      for (const Span span : category.spans) marks.push_back({span.begin, std::min<size_t>(span.end, text.size()), &id});
  std::ranges::stable_sort(marks, {}, &Mark::begin);
  std::string out;
  size_t at = 0;
  for (size_t m = 0; m < marks.size(); ++m) {
    const auto [begin, first_end, clause] = marks[m];
    size_t end = first_end;
    for (; m + 1 < marks.size() && marks[m + 1].begin < end; ++m) end = std::max(end, marks[m + 1].end);
    if (end <= begin) continue;
    out.append(text.substr(at, begin - at));
    out += replacement(*clause, text.substr(begin, end - begin));
    at = end;
  }
  out.append(text.substr(at));
  return out;
}

std::string Redact(std::string_view text, const Verdict& verdict) {
  return RedactBy(text, verdict, [](const std::string& clause, std::string_view) { return RedactionMark(clause); });
}

}  // namespace plumb::guard
