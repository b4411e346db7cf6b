// Letters that look like ASCII letters, and characters that are not seen.
#pragma once

#include <cstdint>

namespace plumb::guard {

// The ASCII letter `cp` is read as, or 0. Foreign: letters of living scripts (Cyrillic, Greek, Armenian, Cherokee),
// to be mapped only inside words that mix scripts. Styled: small capitals, IPA, turned, circled, squared and
// regional-indicator letters, typographic marks; always mapped. (Mathematical and fullwidth letters are NFKC's.)
char ForeignLookalike(char32_t cp);
char StyledLookalike(char32_t cp);

// Not seen by a reader: zero-width, bidi controls, fillers, variation selectors, tags, soft hyphen, control bytes but
// for tab and line ends.
bool IsInvisible(char32_t cp);

}  // namespace plumb::guard
