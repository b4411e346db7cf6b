#include "model/train/rewarder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/train/reward.h"
#include "model/train/reward_model.h"

namespace plumb::train {
namespace {

double Of(const std::string& term, const Sampled& s) {
  auto made = TextTerm(ParseJson(term)->as_object());
  EXPECT_TRUE(made) << term << (made ? "" : made.error().Text());
  return made ? (*(*made)->Score({s}))[0] : -99;
}

Sampled Said(const std::string& text, const data::TrlRow* row = nullptr) {
  return {row, text, std::vector<int32_t>(text.begin(), text.end()), true};
}

TEST(Rewarder, AnswersAreChecked) {
  data::TrlRow row;
  row.extra = {{"answer", "1,250.5"}, {"also", json::array{"yes", "Yes, sir"}}};
  EXPECT_EQ(Of(R"({"type": "answer", "match": "number"})", Said("It is 3 or about 1250.50.", &row)),
            1);
  EXPECT_EQ(Of(R"({"type": "answer", "match": "number"})", Said("It is 1250.5, not 3", &row)), 0);
  EXPECT_EQ(Of(R"({"type": "answer", "match": "number"})", Said("no idea", &row)), 0);
  EXPECT_EQ(Of(R"({"type": "answer", "key": "also"})", Said(" YES. ", &row)), 1);
  EXPECT_EQ(Of(R"({"type": "answer", "key": "also", "match": "contains"})",
               Said("well yes indeed", &row)),
            1);
  EXPECT_TRUE(std::isnan(Of(R"({"type": "answer", "key": "absent"})", Said("x", &row))));
}

TEST(Rewarder, LengthFormatRepetitionAndEnd) {
  EXPECT_EQ(Of(R"({"type": "length", "max": 4, "scale": 2})", Said("123456")), -1);
  EXPECT_EQ(Of(R"({"type": "length", "min": 8})", Said("123456")), -2);
  EXPECT_EQ(Of(R"({"type": "length", "min": 2, "max": 8})", Said("123456")), 0);
  EXPECT_EQ(Of(R"({"type": "format", "starts_with": "{", "json": true})", Said(R"({"a": 1})")), 1);
  EXPECT_EQ(Of(R"({"type": "format", "starts_with": "{", "json": true})", Said("{a")), 0.5);
  EXPECT_EQ(Of(R"({"type": "repetition"})", Said("abcdefgh")), 0);
  EXPECT_NEAR(Of(R"({"type": "repetition"})", Said("aaaaaaaa")), -0.8, 1e-12);
  EXPECT_EQ(Of(R"({"type": "ended"})", Said("")), 1);
}

TEST(Rewarder, TheFileIsAMixAndItsMistakesAreNamed) {
  TempFolder folder;
  const fs::path file = folder.path() / "rewards.json";
  const auto load = [&](const std::string& text) {
    EXPECT_TRUE(WriteFileAtomic(file, text));
    return Rewarder::Load(file, nullptr);
  };
  auto mix = load(
      R"({"rewards": [{"type": "ended", "weight": 2}, {"name": "short", "type": "length", "max": 2},
                                  {"type": "answer"}]})");
  ASSERT_TRUE(mix) << mix.error().Text();
  const auto scores = *(*mix)->Score({Said("abc")});
  EXPECT_EQ((*mix)->Total(scores, 0), 2 * 1 - 1);  // the answer has nothing to say
  const auto error = [&](const std::string& text) { return load(text).error().Text(); };
  EXPECT_NE(error(R"({"rewards": [{"type": "lenght"}]})").find("did you mean 'length'?"),
            std::string::npos);
  EXPECT_NE(error(R"({"rewards": [{"type": "length", "most": 3}]})").find("unknown key \"most\""),
            std::string::npos);
  EXPECT_NE(error(R"({"rewards": [{"type": "ended"}, {"type": "ended"}]})")
                .find("rewards[1]: there are two"),
            std::string::npos);
  EXPECT_NE(error(R"({"rewards": []})").find("one term or more"), std::string::npos);
}

TEST(Rewarder, EnsemblesMayBeCautious) {
  EXPECT_EQ(Combine({1, 3}, "mean", 1), 2);
  EXPECT_EQ(Combine({1, 3}, "min", 1), 1);
  EXPECT_NEAR(Combine({1, 3}, "pessimistic", 0.5), 2 - 0.5 * std::sqrt(2), 1e-12);
}

TEST(Reward, TheSlopesAreTheDerivative) {
  const double c = 0.7, r = -0.4, m = 0.3, k = 0.05, h = 1e-6;
  const RewardPairLoss at = BradleyTerry(c, r, m, k);
  EXPECT_NEAR(at.d_chosen,
              (BradleyTerry(c + h, r, m, k).loss - BradleyTerry(c - h, r, m, k).loss) / (2 * h),
              1e-8);
  EXPECT_NEAR(at.d_rejected,
              (BradleyTerry(c, r + h, m, k).loss - BradleyTerry(c, r - h, m, k).loss) / (2 * h),
              1e-8);
}

TEST(Reward, TheScoreIsReadAtTheLastTokenThatIsNoPadding) {
  EXPECT_EQ(ScoredToken({5, 6, 2}, 2), 1u);
  EXPECT_EQ(ScoredToken({5, 2, 6}, 2), 2u);
  EXPECT_EQ(ScoredToken({2, 2}, 2), 0u);
}

}  // namespace
}  // namespace plumb::train
