#include "model/train/rows.h"

#include <gtest/gtest.h>

namespace plumb::train {
namespace {

std::string Complaint(Job job, std::string_view text) {
  auto rows = ParseRows(job, text, "a.jsonl");
  return rows ? "" : rows.error().message;
}

TEST(Rows, EveryBadLineIsNamedUnderItsReason) {
  const std::string said = Complaint(Job::kDpo,
                                     R"({"prompt": "a", "chosen": "b", "rejected": "b"}
{"prompt": "a", "chosen": "b", "rejected": "c"}
not json

{"prompt": "a", "chosen": "x", "rejected": "x"}
{"prompt": "a", "chosen": "y", "rejected": "y"}
{"prompt": "a", "chosen": " ", "rejected": "y"}
{"prompt": "a", "completion": "y"}
[1]
)");
  EXPECT_NE(said.find("7 rows cannot be used"), std::string::npos) << said;
  EXPECT_NE(said.find("a.jsonl lines 1, 5 to 6: \"chosen\" and \"rejected\" are the same"),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("a.jsonl line 3: "), std::string::npos) << said;
  EXPECT_NE(said.find("a.jsonl line 7: \"chosen\" is empty"), std::string::npos) << said;
  EXPECT_NE(said.find("a.jsonl line 8: dpo needs \"chosen\" and \"rejected\"; this row is prompt "
                      "and completion"),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("a.jsonl line 9: a row must be a JSON object"), std::string::npos) << said;
}

TEST(Rows, RolesAreThoseThatTemplatesKnow) {
  EXPECT_NE(
      Complaint(
          Job::kSft,
          R"({"messages": [{"role": "usr", "content": "a"}, {"role": "assistant", "content": "b"}]})")
          .find("no role \"usr\", did you mean 'user'?"),
      std::string::npos)
      << Complaint(
             Job::kSft,
             R"({"messages": [{"role": "usr", "content": "a"}, {"role": "assistant", "content": "b"}]})");
  EXPECT_NE(Complaint(Job::kSft, R"({"messages": [{"role": "user", "content": "a"}]})")
                .find("nothing that the assistant says"),
            std::string::npos);
  EXPECT_NE(
      Complaint(
          Job::kDpo,
          R"({"prompt": [{"role": "user", "content": "a"}], "chosen": [{"role": "user", "content": "b"}], "rejected": [{"role": "assistant", "content": "c"}]})")
          .find("must end with what the assistant says"),
      std::string::npos);
}

TEST(Rows, AKeyOneSlipAwayIsAskedAbout) {
  EXPECT_NE(Complaint(Job::kSft, R"({"prompt": "a", "completon": "b", "completion": "c"})")
                .find("unknown key \"completon\""),
            std::string::npos);
  EXPECT_EQ(
      Complaint(Job::kSft, R"({"prompt": "a", "completion": "b", "source": "x", "difficulty": 3})"),
      "");
  EXPECT_EQ(
      Complaint(Job::kReward, R"({"prompt": "a", "chosen": "b", "rejected": "c", "margin": 0.3})"),
      "");
}

TEST(Rows, JobsThatGenerateNeedAPrompt) {
  EXPECT_EQ(Complaint(Job::kGrpo, R"({"prompt": "2+2?", "answer": "4"})"), "");
  EXPECT_NE(Complaint(Job::kGrpo, R"({"text": "a"})").find("needs \"prompt\""), std::string::npos);
  EXPECT_EQ(Complaint(Job::kKto, R"({"prompt": "a", "completion": "b", "label": true})"), "");
}

}  // namespace
}  // namespace plumb::train
