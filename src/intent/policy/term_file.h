// Term lists: one word or phrase a line, which `detect: [{terms: FILE}]` looks for.
//
//   # a comment
//   moonshine still
//   widow's kiss<TAB>illegal-drugs     only for the category of that id; without one, for every category that names the list
//
// A list has up to a million terms of up to 256 bytes. Immutable once read; safe to share between threads.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "intent/policy/node.h"

namespace plumb::policy {

inline constexpr size_t kLongestTerm = 256, kMostTerms = 1'000'000;

struct TermRow {
  std::string term, category;  // category: empty for all that name the list
  int line = 0;
};

struct TermFile {
  std::string sha256;  // of its bytes
  std::vector<TermRow> rows;
};

// Every line that is no term, or one that was there before, is added to `problems` and left out; so is a list without any
// term.
TermFile ParseTermFile(std::string_view text, const std::string& name, Problems& problems);

}  // namespace plumb::policy
