// The phrases by which assistants refuse, and by which they comply, outside English (English is in refusal.cc, as
// grammar rather than phrases).
#pragma once

#include <span>
#include <string_view>

namespace plumb::guard {

struct RefusalPhrase {
  std::string_view language;  // BCP 47
  std::string_view text;      // lower case, straight apostrophes
  float weight;               // log-odds; negative speaks for compliance
  bool opening;               // counts only in the first sentences
};

std::span<const RefusalPhrase> RefusalLexicon();

}  // namespace plumb::guard
