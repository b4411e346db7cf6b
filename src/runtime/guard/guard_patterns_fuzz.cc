// Any UTF-8 text: every built-in detector's matches lie inside it, and what is held back is no more than the text.
#include <cstdint>
#include <cstdlib>

#include "runtime/guard/patterns.h"
#include "base/core/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plumb::guard;
  static const PatternScanner scanner = [] {
    std::vector<PatternRule> rules;
    for (const std::string& name : BuiltInDetectors()) rules.push_back({name, ""});
    return std::move(*PatternScanner::Create(rules));
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!plumb::IsUtf8(text)) return 0;
  const PatternScanner::Look look = scanner.ScanAndHold(text);
  if (look.hold > text.size()) std::abort();
  for (const PatternMatch& match : look.matches)
    if (match.span.begin >= match.span.end || match.span.end > text.size()) std::abort();
  return 0;
}
