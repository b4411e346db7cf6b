// Whether an answer gives away the system prompt: a long run of its words, or its canary.
//
//   PromptLeak leak(prompt, {"I can't help with that."});   // what may be said although it stands in the prompt
//   PromptLeak::Scan scan(leak);
//   if (scan.Push(piece)) …                                 // from here on it is a leak
//
// Words are compared without capitals, signs and spacing. A leak is kLeakWords of the prompt's words in a row; so at most
// kLeakWords - 1 of them in a row are ever said. The canary is found by the guard's detector of that name, in every
// disguise it knows; this finds what carries no canary. A paraphrase or a translation is found by neither.
// Immutable and safe to use from any thread; a Scan belongs to one answer.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/core/core.h"

namespace plumb::gateway {

inline constexpr size_t kLeakWords = 12;

class PromptLeak {
 public:
  PromptLeak(std::string_view prompt, const std::vector<std::string>& sayable);

  class Scan {
   public:
    explicit Scan(const PromptLeak& leak) : leak_(leak) {}
    // True once a leak is complete, and ever after.
    bool Push(std::string_view piece);
    // The text ends here, and with it its last word.
    bool Finish() { return Push(" "); }

   private:
    void CloseWord();
    const PromptLeak& leak_;
    std::string word_;
    std::deque<std::string> last_;
    bool leaked_ = false;
  };
  bool Leaks(std::string_view text) const;

 private:
  std::unordered_set<std::string> runs_;  // kLeakWords words each
};

// "plumb-canary-" and 16 random hexadecimal digits: what the detector `canary` looks for.
std::string NewCanary();

}  // namespace plumb::gateway
