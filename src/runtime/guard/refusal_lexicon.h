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
  kPersona,  // "as an AI language model": before a refusal, or before an answer
  kPremise,  // "there is no evidence", "is fictional": a wrong premise is put right, which answers
  kOffer,    // "is there anything else", "feel free to ask": how refusals end, and answers too
  kMoral,    // "everyone deserves respect": said instead of an answer
  kClarify,  // "could you tell me more": asks back
  kDisclaim, // "I'm not a doctor, but": before an answer
};
inline constexpr int kRefusalCues = 13;

struct RefusalPhrase {
  RefusalCue cue;
  std::string_view phrases;  // lower case, straight apostrophes, separated by '|'
};

std::span<const RefusalPhrase> EnglishRefusalPhrases();  // and what models say alike in every language
std::span<const RefusalPhrase> OtherRefusalPhrases();

}  // namespace plumb::guard
