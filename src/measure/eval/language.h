// Which language a text is in, well enough to check that an answer kept to the one it was asked for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plumb::eval {

// The languages DetectLanguage can name (BCP 47).
const std::vector<std::string>& KnownLanguages();

// By script where a script has one language, else by frequent words. "" where the text is too short or mixed to say.
std::string DetectLanguage(std::string_view text);

}  // namespace plumb::eval
