// What assistants say when they refuse, in many languages: phrases by what they do, not how strongly they do it (the
// weights are learned, refusal_model.h).
#pragma once

#include <span>
#include <string_view>

namespace plumb::guard {

enum class RefusalCue {
  kCannot,   // "I can't", "I won't", "I'm not able to"
  kSorry,    // "I'm sorry", "unfortunately"
  kWrong,    // "is illegal", "goes against"
  kNoAccess, // "I don't have access to personal data"
  kCrisis,   // "please call", "you are not alone": help instead of an answer
  kComply,   // "sure", "here is"
  kBut,      // "but", "however", "instead": often where a partial refusal turns
};
inline constexpr int kRefusalCues = 7;

struct RefusalPhrase {
  RefusalCue cue;
  std::string_view phrases;  // lower case, straight apostrophes, separated by '|'
};

std::span<const RefusalPhrase> RefusalLexicon();

}  // namespace plumb::guard
