#include "runtime/guard/words.h"

#include <vector>

namespace plumb::guard {

const char* FoldText(std::string_view text) {
  thread_local std::vector<char> memory;
  if (memory.size() < text.size() + kWordPadding) memory.resize(text.size() + kWordPadding);
  char* const folded = memory.data();
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = bytes[i], lower = c | 0x20;
    const bool letter = static_cast<unsigned char>(lower - 'a') < 26, other = c >= 0x80 || static_cast<unsigned char>(c - '0') < 10;
    folded[i] = static_cast<char>(letter ? lower : other ? c : 0);
  }
  std::memset(folded + text.size(), 0, kWordPadding);
  return folded;
}

std::string_view WordStream::Joined(const char* word) {
  joined_.assign(word, at_);
  while (JoinsHere()) {
    const char* const more = ++at_;
    at_ += BytesBeforeZero(at_);
    joined_.append(more, at_);
  }
  const size_t letters = joined_.size();
  joined_.append(kWordPadding, '\0');
  return std::string_view(joined_).substr(0, letters);
}

}  // namespace plumb::guard
