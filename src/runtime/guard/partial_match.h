// Whether the end of a text is the beginning of a match: PCRE2's partial matching, by its automaton (no backtracking,
// every path at once).
#pragma once

#include <bitset>
#include <memory>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace plumb::guard {

// The bytes that can stand in a match of `regex` or in what it looks at: perhaps more than do, never fewer. Bytes of
// other letters than ASCII's always may.
std::bitset<256> AlphabetOf(std::string_view regex, bool caseless);

// Immutable; safe to use from any thread.
class PartialMatcher {
 public:
  // Error: kInvalid, with the place in the expression.
  static Result<PartialMatcher> Compile(const std::string& regex, bool caseless);

  // The first byte at or after `from` from where the rest of `text` could be completed, or lengthened, to a match by
  // text that follows; text.size() where there is none. `text` is UTF-8.
  size_t FirstOpen(std::string_view text, size_t from) const;

 private:
  struct Free {
    void operator()(void* code) const;
  };
  std::unique_ptr<void, Free> code_;
  std::bitset<256> first_;  // bytes that a match may begin with
  std::bitset<256> alphabet_;  // no other byte stands in a match, or is looked at behind it
};

}  // namespace plumb::guard
