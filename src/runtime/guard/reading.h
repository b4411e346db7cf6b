// What the classifiers read in each direction. Answers and documents may have heads of their own: "unsafe@output" is
// taught on answers, "prompt-injection@document" on pieces of documents and tool results.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/guard/guard.h"

namespace plumb::guard {

// "output", "document" (also for tool results), or empty: the direction is read by the plain heads.
std::string_view HeadGroup(Direction direction);

// "CLAUSE@GROUP", or the clause itself where the group is empty.
std::string HeadName(std::string_view clause, std::string_view group);
// The clause and the group of a head's name.
std::pair<std::string_view, std::string_view> ParseHead(std::string_view head);

// How much of a text one reading holds, in bytes, and how much the next repeats of it. A document's are short, for an
// instruction not to drown in a table.
struct ReadingSize {
  size_t bytes, overlap;
};
inline constexpr ReadingSize kDocumentReading = {220, 60};

}  // namespace plumb::guard
