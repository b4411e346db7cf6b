// What the classifiers read in each direction. Answers and documents may have heads of their own: "unsafe@output" is
// taught on answers with what they answer, "prompt-injection@document" on pieces of documents and tool results.
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

// How much of a text one reading of a group holds, in bytes, and how much the next repeats of it. An answer's are short
// for the harm of a sentence not to drown in a page, a document's for an instruction not to drown in a table.
struct ReadingSize {
  size_t bytes, overlap;
};
inline constexpr ReadingSize kAnswerReading = {400, 80}, kDocumentReading = {220, 60};

// A piece of an answer with the end of what it answers, the last 240 bytes.
std::string Exchange(std::string_view prompt, std::string_view answer);

}  // namespace plumb::guard
