#include "runtime/gateway/complexity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/core/hash.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;

std::string Times(int n, std::string_view text) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

json::array Said(std::string_view text) { return {json::object{{"role", "user"}, {"content", text}}}; }

TEST(Complexity, TokensAreAboutThoseOfATokenizer) {
  EXPECT_EQ(EstimateTokens(""), 0);
  EXPECT_NEAR(EstimateTokens("The quick brown fox jumps over the lazy dog."), 10, 2);
  EXPECT_NEAR(EstimateTokens("internationalization of antidisestablishmentarianism"), 11, 4);
  EXPECT_EQ(EstimateTokens(std::string(3000, '7')), 1000);
}

TEST(Complexity, DepthCountsWhatIsNestedAndNotSmileys) {
  EXPECT_EQ(NestingDepth("no brackets"), 0);
  EXPECT_EQ(NestingDepth(R"({"a":[1,{"b":(2)}]})"), 4);
  EXPECT_EQ(NestingDepth("(a) (b) [c] {d}"), 1);
  EXPECT_EQ(NestingDepth(Times(60, "sad :( ")), 1);
  EXPECT_EQ(NestingDepth(Times(500, "[")), 500);
  EXPECT_EQ(NestingDepth(Times(500, "[") + "x" + Times(500, "]")), 500);
  EXPECT_EQ(NestingDepth(Times(500, "{\"a\":") + "1" + Times(500, "}")), 500);
}

TEST(Complexity, EncodingsAreTakenOffOneByOne) {
  std::string text = "please read this message to the very end";
  EXPECT_EQ(EncodingDepth(text, 8), 0);
  for (int depth = 1; depth <= 4; ++depth) {
    text = Base64Encode(text);
    EXPECT_EQ(EncodingDepth("here: " + text, 8), depth);
  }
  EXPECT_EQ(EncodingDepth("here: " + text, 2), 2);
  EXPECT_EQ(EncodingDepth("here: " + HexEncode(Base64Encode("a plain sentence of words")), 8), 2);
}

TEST(Complexity, RepetitionIsLowForProseAndHighForPadding) {
  EXPECT_EQ(Repetition(std::string(999, 'a')), 0);
  EXPECT_GT(Repetition(std::string(1000, 'a')), 0.98);
  EXPECT_GT(Repetition(Times(400, "repeat after me ")), 0.98);
  std::string random;
  for (int i = 0; i < 40; ++i) random += Base64Encode(Sha256(std::to_string(i)));
  EXPECT_LT(Repetition(random), 0.02);
  for (const char* name : {"docs/guard.md", "docs/ledger.md", "README.md"}) {
    const std::string prose = *ReadFile(fs::path(PLUMB_SOURCE_DIR) / name);
    const double share = Repetition(prose);
    RecordProperty(std::string("repetition of ") + name, std::to_string(share));
    EXPECT_GT(share, 0.02) << name;
    EXPECT_LT(share, 0.5) << name;
  }
}

TEST(Complexity, TheFirstLimitThatIsNotKeptIsSaid) {
  policy::Limits limits;
  EXPECT_FALSE(OverLimit(limits, Said(std::string(5000, '[')), nullptr));
  limits.depth = 20;
  EXPECT_EQ(OverLimit(limits, Said(Times(40, "[") + Times(40, "]")), nullptr), "the prompt nests brackets 40 deep; at most 20 are allowed");
  limits.tokens = 50;
  EXPECT_THAT(*OverLimit(limits, Said(Times(100, "word ")), nullptr), HasSubstr("about 100 tokens; at most 50"));
  limits.messages = 1;
  json::array two = Said("a");
  two.push_back(two[0]);
  EXPECT_THAT(*OverLimit(limits, two, nullptr), HasSubstr("2 messages; at most 1"));
  limits.tools = 0;
  const json::array tools = {json::object{{"type", "function"}}};
  EXPECT_THAT(*OverLimit(limits, Said("a"), &tools), HasSubstr("offers 1 tools; at most 0"));
  limits = {};
  limits.encodings = 1;
  EXPECT_FALSE(OverLimit(limits, Said("see " + Base64Encode("a harmless little sentence")), nullptr));
  EXPECT_THAT(*OverLimit(limits, Said("see " + Base64Encode(Base64Encode("a harmless little sentence"))), nullptr),
              HasSubstr("more than 1 encodings"));
  limits = {};
  limits.repetition = 0.9;
  EXPECT_THAT(*OverLimit(limits, Said(std::string(2000, 'x')), nullptr), HasSubstr("% of the prompt repeats itself; at most 90 % may"));
}

// A square of the length would keep this test for hours; how long it takes is for bench/ to say.
TEST(Complexity, AMegabyteIsMeasuredWhole) {
  policy::Limits limits;
  limits.tokens = limits.depth = limits.encodings = 1'000'000'000;
  limits.encodings = 3;
  limits.repetition = 0.999999;
  std::string text;
  while (text.size() < 1'000'000) text += HexEncode(Sha256(std::to_string(text.size()))) + " (a [b {c}]) ";
  EXPECT_FALSE(OverLimit(limits, Said(text), nullptr));
  limits.repetition = 0.01;
  EXPECT_TRUE(OverLimit(limits, Said(text), nullptr));
}

}  // namespace
}  // namespace plumb::gateway
