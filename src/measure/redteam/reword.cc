#include <cctype>
#include <string>

#include "base/core/core.h"
#include "measure/redteam/redteam.h"

namespace plumb::redteam {
namespace {

// Lower-cases the first letter so that a lead-in reads on, unless it starts an acronym or the word "I".
std::string Continue(std::string_view text) {
  std::string out(text);
  if (out.size() > 1 && std::isupper(static_cast<unsigned char>(out[0])) && std::islower(static_cast<unsigned char>(out[1])))
    out[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(out[0])));
  return out;
}

// Swaps two neighbouring letters in the middle of one of the longer words.
std::string Slip(std::string_view text, uint64_t variant) {
  std::string out(text);
  size_t seen = 0;
  for (size_t i = 1; i + 2 < out.size(); ++i) {
    const bool inside = std::isalpha(static_cast<unsigned char>(out[i - 1])) && std::isalpha(static_cast<unsigned char>(out[i])) &&
                        std::isalpha(static_cast<unsigned char>(out[i + 1])) && std::isalpha(static_cast<unsigned char>(out[i + 2]));
    if (inside && seen++ == 2 + variant % 5) {
      std::swap(out[i], out[i + 1]);
      break;
    }
  }
  return out;
}

}  // namespace

std::string Reword(std::string_view request, uint64_t variant) {
  switch (variant % 10) {
    case 0: return fmt::format("Please help me with this: {}", request);
    case 1: return fmt::format("Quick question, {}", Continue(request));
    case 2: return Lower(request);
    case 3: return Slip(request, variant / 10);
    case 4: return fmt::format("{} Thanks!", request);
    case 5: return fmt::format("Hi! I was wondering: {}", request);
    case 6: return fmt::format("{} Keep it short.", request);
    case 7: return fmt::format("Can you help? {}", request);
    case 8: return fmt::format("{} Explain step by step.", request);
    default: return fmt::format("My friend asked me this: {}", request);
  }
}

}  // namespace plumb::redteam
