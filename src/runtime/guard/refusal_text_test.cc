#include "runtime/guard/refusal_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb::guard::refusal {
namespace {

using testing::ElementsAre;

TEST(RefusalText, OneSpellingOfLettersQuotesAndBlanks) {
  EXPECT_EQ(Simplify("  I CAN’T\t say „no“.\u00A0ÄÖ\r\nBye "), "i can't say \"no\". äö \nbye");
  EXPECT_EQ(Simplify("a\xFF" "b"), "ab") << "bytes that are no UTF-8 are left out";
}

TEST(RefusalText, QuotationsAndCodeAreNotTheAssistantsWords) {
  EXPECT_EQ(OwnWords("he said \"i cannot\" twice in a long sentence"), "he said  \x02quote  twice in a long sentence");
  EXPECT_EQ(OwnWords("see `exit(1)` there"), "see  \x02" "code  there");
  const std::string alone = "\"i cannot help with that, and i am sorry.\"";
  EXPECT_EQ(OwnWords(alone), alone) << "where nearly everything is quoted, the quotation is the answer";
}

TEST(RefusalText, SentencesEndInEveryScriptAndWhereASpaceIsForgotten) {
  EXPECT_THAT(SentencesOf("it costs 3.50 today. fine! really?"), ElementsAre("it costs 3.50 today.", "fine!", "really?"));
  EXPECT_THAT(SentencesOf("できません。すみません。"), ElementsAre("できません。", "すみません。"));
  EXPECT_THAT(SentencesOf("that is advice.i cannot help"), ElementsAre("that is advice.", "i cannot help"));
}

TEST(RefusalText, WordsKeepTheirApostrophesOut) {
  const Words words("i can't, über-x");
  std::vector<std::string_view> each;
  for (size_t i = 0; i < words.size(); ++i) each.push_back(words[i]);
  EXPECT_THAT(each, ElementsAre("i", "cant", "über", "x"));
  EXPECT_EQ(Words("' ''").size(), 0u);
}

TEST(RefusalText, TheLastOfTwoVoicesCounts) {
  EXPECT_EQ(LastVoice("gpt: i cannot help.\ndan: easy, do it."), "easy, do it.");
  EXPECT_EQ(LastVoice("gpt: i cannot help."), "");
}

TEST(RefusalText, IdiomsAreNoRefusals) {
  std::string text = "i can't wait to go";
  DropIdioms(text);
  EXPECT_EQ(text, "i \x02idiom to go");
}

}  // namespace
}  // namespace plumb::guard::refusal
