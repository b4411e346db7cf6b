#include "intent/data/trl.h"

#include <gtest/gtest.h>

namespace plumb::data {
namespace {

TrlRow One(std::string_view line) {
  auto rows = ParseTrl(line, "rows.jsonl");
  EXPECT_TRUE(rows) << (rows ? "" : rows.error().Text());
  return rows && rows->size() == 1 ? rows->front() : TrlRow{};
}

std::string ErrorOf(std::string_view text) {
  auto rows = ParseTrl(text, "rows.jsonl");
  return rows ? "no error" : rows.error().Text();
}

TEST(Trl, EveryShapeIsToldByItsKeys) {
  EXPECT_EQ(One(R"({"text":"a"})").shape, TrlShape::kText);
  EXPECT_EQ(One(R"({"messages":[{"role":"user","content":"a"}]})").shape, TrlShape::kMessages);
  EXPECT_EQ(One(R"({"prompt":"a"})").shape, TrlShape::kPrompt);
  EXPECT_EQ(One(R"({"prompt":"a","completion":"b"})").shape, TrlShape::kPromptCompletion);
  EXPECT_EQ(One(R"({"prompt":"a","chosen":"b","rejected":"c"})").shape, TrlShape::kPreference);
  EXPECT_EQ(One(R"({"prompt":"a","completion":"b","label":true})").shape, TrlShape::kUnpaired);
  EXPECT_EQ(One(R"({"prompt":"a","completions":["b","c"],"labels":[true,false]})").shape,
            TrlShape::kStepwise);
}

TEST(Trl, EveryShapeSurvivesTheWayThereAndBack) {
  for (const char* line :
       {R"({"text":"a"})", R"({"messages":[{"role":"user","content":"a"}],"weight":2E0})",
        R"({"prompt":"a"})", R"({"completion":"b","prompt":"a","anchor":true})",
        R"({"prompt":"a","chosen":"b","rejected":"c","source":"x"})",
        R"({"label":true,"completion":"b","prompt":"a"})",
        R"({"prompt":"a","completions":["b","c"],"labels":[true,false]})"})
    EXPECT_EQ(ToJson(TrlRowToJson(One(line))), line);
}

TEST(Trl, AnImplicitPromptIsWhatBothAnswersBeginWith) {
  const TrlRow text = One(R"({"chosen":"The sky is blue.","rejected":"The sky is green."})");
  EXPECT_EQ(text.prompt.text, "The sky is");
  EXPECT_EQ(text.chosen.text, " blue.");
  EXPECT_EQ(text.rejected.text, " green.");
  const TrlRow chat =
      One(R"({"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"yes"}],)"
          R"("rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"no"}]})");
  ASSERT_EQ(chat.prompt.messages.size(), 1u);
  EXPECT_EQ(chat.prompt.messages[0].content, "q");
  ASSERT_EQ(chat.rejected.messages.size(), 1u);
  EXPECT_EQ(chat.rejected.messages[0].content, "no");
}

TEST(Trl, WeightsAndAnchorsAreReadAndOtherKeysKept) {
  const TrlRow row = One(
      R"({"prompt":"a","completion":"b","weight":0.5,"anchor":true,"max_completion_tokens":8,"source":"authored"})");
  EXPECT_EQ(row.max_completion_tokens, 8);
  EXPECT_EQ(row.weight, 0.5);
  EXPECT_TRUE(row.anchor);
  EXPECT_EQ(row.extra.at("source").as_string(), "authored");
}

TEST(Trl, AnErrorNamesFileAndLineAndWhatWouldBeRight) {
  EXPECT_EQ(ErrorOf("{\"text\":\"a\"}\n\n{\"prompt\":\"a\",\"chosen\":\"b\"}"),
            "rows.jsonl:3: a preference row needs both \"chosen\" and \"rejected\"");
  EXPECT_EQ(ErrorOf(R"({"prompt":"a","completion":"b","weight":-1})"),
            "rows.jsonl:1: \"weight\" must be 0 or more");
  EXPECT_EQ(ErrorOf(R"({"prompt":[{"role":"user"}],"completion":"b"})"),
            "rows.jsonl:1: \"prompt\"[0] must be {\"role\": text, \"content\": text}");
  EXPECT_EQ(ErrorOf(R"({"prompt":"a","completion":[{"role":"assistant","content":"b"}]})"),
            "rows.jsonl:1: \"prompt\" and its answer must both be text or both be messages");
  EXPECT_EQ(ErrorOf("[1]"), "rows.jsonl:1: a row must be a JSON object");
  EXPECT_TRUE(ErrorOf("{\"text\": ").starts_with("rows.jsonl:1:")) << ErrorOf("{\"text\": ");
}

}  // namespace
}  // namespace plumb::data
