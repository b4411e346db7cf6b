// What of a text that goes on must wait: what comes next may still change how it reads.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/guard/layer.h"

namespace plumb::guard {

// An encoded run longer than this is released before its end.
inline constexpr size_t kLongestEncodedRun = 4096;

// The end of the last whole code point.
size_t WholeCodePoints(std::string_view text);

// Where an encoded run that reaches the end of `text` begins: base64 (also wrapped), escapes, or a list of hexadecimal
// pairs or binary octets. text.size() where there is none; never further back than kLongestEncodedRun.
size_t OpenEncoding(std::string_view text);

// Where a disguise of single letters that reaches the end of `text` begins: a word in which foreign letters look like
// Latin ones (what follows decides whether they are read so), or characters that nobody sees. text.size() where there is
// none. `text` is UTF-8.
size_t OpenDisguise(std::string_view text);

// Whether `text` is so plain that no disguise but rotated or reversed passages can be in it: the usual case, told fast.
bool IsUndisguised(std::string_view text);

// The passages of the original that `layer` decodes, or replaces otherwise: each is read whole or not at all.
void AddPassages(const Layer& layer, std::vector<Span>& passages);

}  // namespace plumb::guard
