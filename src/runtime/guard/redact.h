// Takes the evidence of a verdict out of a text. Private to this room; guard.h and placeholder.h say what for.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "runtime/guard/guard.h"

namespace plumb::guard {

// What stands in place of a value that `clause` asks to redact.
using Replacement = std::function<std::string(const std::string& clause, std::string_view value)>;

// "[redacted: CLAUSE]"
std::string RedactionMark(const std::string& clause);

// `text` with every value that a category asks to redact replaced. Evidence that overlaps is one value, of the clause
// whose evidence begins first.
std::string RedactBy(std::string_view text, const Verdict& verdict, const Replacement& replacement);

}  // namespace plumb::guard
