// What validators ask of single characters and ranges.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/guard/ascii.h"
#include "runtime/guard/layer.h"

namespace plumb::guard {

using ascii::IsAlnum;
using ascii::IsDigit;
inline bool IsKeyCharacter(char c) { return IsAlnum(c) || c == '_' || c == '-'; }
inline char At(std::string_view text, size_t at) { return at < text.size() ? text[at] : '\0'; }
inline char Before(std::string_view text, size_t at) { return at > 0 ? text[at - 1] : '\0'; }
inline std::string_view Part(std::string_view text, Span span) { return text.substr(span.begin, span.end - span.begin); }
inline std::vector<Span> If(bool holds, Span span) { return holds ? std::vector<Span>{span} : std::vector<Span>{}; }

}  // namespace plumb::guard
