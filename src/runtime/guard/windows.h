// Long texts in pieces a classifier can read whole.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace plumb::guard {

// The defaults: the encoder reads 256 word pieces, which 1,000 bytes of English do not exceed.
inline constexpr size_t kWindowBytes = 1000, kWindowOverlap = 200;

// [begin, end) pieces that cover `text`: at most `bytes` long, each beginning `overlap` before the end of the last, cut
// at white space where there is some in the last quarter, never inside a code point. One piece where the text fits.
std::vector<std::pair<size_t, size_t>> Windows(std::string_view text, size_t bytes, size_t overlap);

}  // namespace plumb::guard
