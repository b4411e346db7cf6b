// Ways to spell a text that wrappers and the playbook share. ASCII letters only; everything else stays.
#pragma once

#include <string>
#include <string_view>

namespace plumb::redteam {

// Every letter `by` places further in the alphabet, 0 to 25: 13 is ROT13.
std::string Rotate(std::string_view text, int by);
// a, e, i, o, s and t as 4, 3, 1, 0, 5 and 7.
std::string Leet(std::string_view text);
// A space after every letter.
std::string Spaced(std::string_view text);

}  // namespace plumb::redteam
