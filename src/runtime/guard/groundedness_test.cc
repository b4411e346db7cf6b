#include "runtime/guard/groundedness.h"

#include <gtest/gtest.h>

#include <random>

namespace plumb::guard {
namespace {

constexpr std::string_view kContext =
    "The Harbour Bridge opened in 1932. It is 1,149 metres long, and Ada Okafor called it \"a coat hanger over the water\". "
    "Twelve workers died. Tickets cost 8.50 euros. See https://www.bridge.example/visit/ and [1]. Lindqvist wrote about it in 2004.";

// "kind:text" of what is not in the context.
std::vector<std::string> Unsupported(std::string_view answer) {
  std::vector<std::string> out;
  for (const Claim& claim : CheckGrounding(answer, kContext).unsupported)
    out.push_back(std::string(ClaimKindName(claim.kind)) + ":" + std::string(answer.substr(claim.span.begin, claim.span.end - claim.span.begin)));
  return out;
}
using Pieces = std::vector<std::string>;

TEST(Groundedness, WhatTheContextSaysIsSupported) {
  for (const char* answer : {"The bridge opened in 1932 and is 1149 metres long.", "Okafor called it \"a coat hanger over the water\".", "12 workers died [1].", "A ticket is 8.5 euros; see http://bridge.example/visit.",
                             "According to Ada Okafor it is a coat hanger.", "1. It opened in 1932.\n2. It is long.", "Lindqvist described it (Lindqvist, 2004).", "", "It crosses the water."})
    EXPECT_EQ(Unsupported(answer), Pieces{}) << answer;
}

TEST(Groundedness, WhatItDoesNotSayIsFoundWhereItStands) {
  EXPECT_EQ(Unsupported("It opened in 1934."), Pieces{"number:1934"});
  EXPECT_EQ(Unsupported("About thirteen workers died."), Pieces{"number:thirteen"});
  EXPECT_EQ(Unsupported("Okafor said \"a marvel of the modern age\"."), Pieces{"quote:a marvel of the modern age"});
  EXPECT_EQ(Unsupported("It was built by John Bradfield."), Pieces{"name:John Bradfield"});
  EXPECT_EQ(Unsupported("See https://bridge.example/tickets."), Pieces{"link:https://bridge.example/tickets"});
  EXPECT_EQ(Unsupported("It is famous [7]."), Pieces{"citation:[7]"});
  EXPECT_EQ(Unsupported("It is famous (Nakamura et al., 2011)."), Pieces{"citation:(Nakamura et al., 2011)"});
  EXPECT_EQ(Unsupported("It is 1.149 metres long."), Pieces{"number:1.149"}) << "a point is no thousands' comma";
}

TEST(Groundedness, ASentenceOfOtherWordsHasLittleSupport) {
  const Groundedness g = CheckGrounding("The bridge opened in 1932. Submarines patrol quietly underneath.", kContext);
  ASSERT_EQ(g.sentences.size(), 2u);
  EXPECT_GT(g.sentences[0].support, 0.9);
  EXPECT_LT(g.sentences[1].support, 0.3);
}

// Property: an answer cut out of the context claims nothing new, wherever the sentence is cut out.
TEST(Groundedness, SentencesOfTheContextAreSupported) {
  for (size_t begin = 0; begin < kContext.size();) {
    size_t end = kContext.find(". ", begin);
    end = end == std::string_view::npos ? kContext.size() : end + 1;
    const std::string_view sentence = kContext.substr(begin, end - begin);
    EXPECT_EQ(Unsupported(sentence), Pieces{}) << sentence;
    begin = end + 1;
  }
}

TEST(Groundedness, TakesAnyBytesAndSpansStayInside) {
  std::mt19937_64 random(2);
  const std::string_view alphabet = "aB1 .,\"[]()\n'-\xC3\xA4\xE2\x80\x9C\xE2\x80\x9D:/wH%";
  for (int i = 0; i < 3000; ++i) {
    std::string answer, context;
    for (size_t n = random() % 80; n > 0; --n) answer += alphabet[random() % alphabet.size()];
    for (size_t n = random() % 80; n > 0; --n) context += alphabet[random() % alphabet.size()];
    const Groundedness g = CheckGrounding(answer, context);
    EXPECT_LE(g.unsupported.size(), g.claims);
    for (const Claim& claim : g.unsupported) {
      EXPECT_LT(claim.span.begin, claim.span.end);
      EXPECT_LE(claim.span.end, answer.size());
    }
  }
}

}  // namespace
}  // namespace plumb::guard
