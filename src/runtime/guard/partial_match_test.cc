#include "runtime/guard/partial_match.h"

#include <gtest/gtest.h>

#include "runtime/guard/pattern_table.h"

namespace plumb::guard {
namespace {

std::string Ascii(const std::bitset<256>& set) {
  std::string out;
  for (size_t c = 0; c < 128; ++c)
    if (set[c]) out += static_cast<char>(c);
  return out;
}

TEST(AlphabetOf, HoldsWhatAMatchIsMadeOf) {
  EXPECT_EQ(Ascii(AlphabetOf("[0-9](?:[ -]?[0-9]){12,18}", false)), " -0123456789");
  EXPECT_EQ(Ascii(AlphabetOf("\\bab{2,3}c+(?:d|e)?$", false)), "abcde");
  EXPECT_EQ(Ascii(AlphabetOf("a{x", false)), "ax{");
  EXPECT_EQ(Ascii(AlphabetOf("(?i)aB", false)), "ABab");
  EXPECT_EQ(Ascii(AlphabetOf("k", true)), "Kk");
  EXPECT_EQ(Ascii(AlphabetOf("x(?=y)(?!z)", false)), "xyz") << "what is looked at counts";
  EXPECT_EQ(Ascii(AlphabetOf("[]a\\-\\]]", false)), "-]a");
  EXPECT_TRUE(AlphabetOf("a", false)[0xC3]) << "other letters are never ruled out";
}

TEST(AlphabetOf, WhatItDoesNotKnowMayBeAnything) {
  for (const char* regex : {"a.b", "[^a]", "\\pL", "(a)\\1", "(?P<name>a)", "\\x41", "[[:alpha:]]", "(*UCP)a", "[a", "\\", "\\Qa.b\\E", "[\\b]", "a(?x) b(?#c)"}) {
    const std::string_view text(regex);
    EXPECT_GE(AlphabetOf(text, false).count(), text == "[^a]" ? 255u : text.starts_with("a(?x)") ? 0u : 256u) << regex;
  }
}

// The end of a text that is the beginning of a match is found wherever the text before it ends.
TEST(PartialMatcher, FindsOpenMatchesBehindAnyText) {
  const struct {
    const char *detector, *whole;
  } kMatches[] = {{"payment-card", "4111 1111 1111 1111"}, {"us-ssn", "078-05-1120"}, {"email", "maria.keller@example.org"},
                  {"phone-nanp", "(415) 555-0132"}, {"ipv4", "192.168.10.20"}, {"aws-access-key", "AKIAIOSFODNN7EXAMPLE"},
                  {"github-token", "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"}, {"secret-assignment", "password = hunter2"}};
  for (const auto& match : kMatches) {
    bool known = false;
    for (const BuiltInPattern& pattern : BuiltInPatterns()) {
      if (pattern.what != match.detector) continue;
      auto matcher = PartialMatcher::Compile(pattern.hold ? pattern.hold : pattern.regex, pattern.caseless);
      ASSERT_TRUE(matcher);
      const std::string whole = match.whole;
      // Not every pattern of the name begins so.
      if (matcher->FirstOpen(whole.substr(0, whole.size() / 2), 0) != 0) continue;
      known = true;
      for (const std::string before : {"", "so ", "Call me: ", "é ", "12, ", "x.\n"}) {
        for (size_t n = whole.size() / 2; n < whole.size(); ++n) {
          const std::string text = before + whole.substr(0, n);
          EXPECT_LE(matcher->FirstOpen(text, 0), before.size()) << text;
        }
      }
    }
    EXPECT_TRUE(known) << match.detector;
  }
}

}  // namespace
}  // namespace plumb::guard
