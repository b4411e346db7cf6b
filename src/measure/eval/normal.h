// How texts are compared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plumb::eval {

// Trimmed and Unicode NFC; folded to one case unless `keep_case`. Text that is not UTF-8 has U+FFFD in its place.
std::string Normal(std::string_view text, bool keep_case = false);

// Normal, without surrounding quotes, emphasis and a final full stop: how short answers are compared.
std::string NormalAnswer(std::string_view text, bool keep_case = false);

// Words: runs of letters, digits and apostrophes; in scripts without spaces (Han, kana, Thai) each character is one.
std::vector<std::string> Words(std::string_view text);

// Sentences by . ! ? … and their full-width forms, followed by space or the end. Numbers and "e.g." do not end one.
std::vector<std::string> Sentences(std::string_view text);

// The code points of UTF-8 text.
std::vector<char32_t> CodePoints(std::string_view text);

// Whether `word` is in `text` with no letter or digit at either side. Both are compared as they stand.
bool HasWord(std::string_view text, std::string_view word);
size_t CountWord(std::string_view text, std::string_view word);

}  // namespace plumb::eval
