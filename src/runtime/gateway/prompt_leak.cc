#include "runtime/gateway/prompt_leak.h"

#include <cctype>

namespace plumb::gateway {
namespace {

bool InWord(char c) { return static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)); }

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : Lower(text)) {
    if (InWord(c)) {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) out.push_back(std::move(word));
  return out;
}

template <class Range>
std::string Run(const Range& words, size_t at) {
  std::string out;
  for (size_t i = at; i < at + kLeakWords; ++i) out += words[i] + " ";
  return out;
}

}  // namespace

PromptLeak::PromptLeak(std::string_view prompt, const std::vector<std::string>& sayable) {
  const std::vector<std::string> words = Words(prompt);
  for (size_t i = 0; i + kLeakWords <= words.size(); ++i) runs_.insert(Run(words, i));
  for (const std::string& text : sayable) {
    const std::vector<std::string> said = Words(text);
    for (size_t i = 0; i + kLeakWords <= said.size(); ++i) runs_.erase(Run(said, i));
  }
}

void PromptLeak::Scan::CloseWord() {
  if (word_.empty()) return;
  last_.push_back(std::move(word_));
  word_.clear();
  if (last_.size() > kLeakWords) last_.pop_front();
  if (last_.size() == kLeakWords && leak_.runs_.contains(Run(last_, 0))) leaked_ = true;
}

bool PromptLeak::Scan::Push(std::string_view piece) {
  if (leak_.runs_.empty()) return false;
  for (const char c : Lower(piece)) {
    if (leaked_) break;
    if (InWord(c)) word_ += c;
    else CloseWord();
    if (word_.size() > 256) word_.resize(256);  // no word of a prompt is as long
  }
  return leaked_;
}

bool PromptLeak::Leaks(std::string_view text) const {
  Scan scan(*this);
  scan.Push(text);
  return scan.Finish();
}

std::string NewCanary() { return "plumb-canary-" + HexEncode(RandomBytes(8)); }

}  // namespace plumb::gateway
