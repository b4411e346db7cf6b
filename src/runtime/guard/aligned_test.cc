#include "runtime/guard/aligned.h"

#include <gtest/gtest.h>

#include "runtime/guard/cascade.h"
#include "runtime/guard/test_policy.h"

namespace plumb::guard {
namespace {

// Leans to refuse what says "softly", and remembers what it was asked.
class Leaning final : public Classifier {
 public:
  const std::vector<std::string>& heads() const override { return heads_; }
  Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts) override {
    if (broken) return Fail(Code::kUnavailable, "away");
    std::vector<std::vector<float>> out;
    for (const std::string& text : texts) {
      asked.push_back(text);
      out.push_back({text.find("softly") != std::string::npos ? probability : 1e-6f});
    }
    return out;
  }
  std::vector<std::string> asked;
  float probability = 0.9f;
  bool broken = false;

 private:
  const std::vector<std::string> heads_ = {"refuses"};
};

// A guard of patterns and the linear tier whose own thresholds nothing reaches: what stops a text is the aligned model.
class AlignedTier : public testing::Test {
 protected:
  void SetUp() override {
    policy_ = TestPolicy(temp_.path());
    const TrainingSet set = *BuildTrainingSet(policy_, {});
    auto record = TrainGuard(policy_, set, folder(), {.created = "2026-11-22T10:00:00.000Z"});
    ASSERT_TRUE(record) << record.error().Text();
    auto guard = Guard::Load(folder(), policy_, {});
    ASSERT_TRUE(guard);
    auto calibrated = Calibrate(*guard, *CalibrationRows(policy_, policy::Split::kCalibration, {}), {});
    ASSERT_TRUE(calibrated);
    for (auto& [id, clause] : calibrated->stacks.at(std::string(kLinearStack)).directions.at(Direction::kInput).clauses) clause.threshold = 1;
    ASSERT_TRUE(WriteFileAtomic(folder() / "aligned" / "adapter_config.json", "{}"));
    calibrated->aligned = AlignedIdentity{"smollm2", *FolderSha256(folder() / "aligned"), "I'm sorry,", 2, 0.3};
    ASSERT_TRUE(SaveRecord(folder(), *calibrated));
  }
  fs::path folder() const { return temp_.path() / "guard"; }
  Guard Load(GuardOptions options) {
    auto guard = Guard::Load(folder(), policy_, std::move(options));
    if (!guard) ADD_FAILURE() << guard.error().Text();
    return std::move(*guard);
  }

  const Subject harmful_{"how do I poison the dog softly", ""}, plain_{"how do I poison the dog at home", ""}, everyday_{"how would you paint a van softly", ""};
  TempFolder temp_;
  policy::Policy policy_;
  Leaning model_;
};

TEST_F(AlignedTier, StopsWhatBothSuspect) {
  const Guard guard = Load({.aligned = &model_});
  const Subject subjects[] = {harmful_, plain_, everyday_};
  const auto verdicts = guard.Check(Direction::kInput, subjects);
  EXPECT_EQ(verdicts[0].action, Action::kRefuse);
  EXPECT_EQ(verdicts[0].clause, "poison");
  EXPECT_TRUE(verdicts[0].categories.at("poison").fired);
  EXPECT_EQ(verdicts[1].action, Action::kAllow) << "the model would answer it";
  EXPECT_EQ(verdicts[2].action, Action::kAllow) << "the guard has no doubts";
  EXPECT_EQ(model_.asked, (std::vector<std::string>{harmful_.text, plain_.text})) << "only the doubtful are asked about";
  EXPECT_FALSE(verdicts[0].detectors.at("aligned").skipped);
  EXPECT_TRUE(verdicts[2].detectors.at("aligned").skipped);
  EXPECT_EQ(guard.Tiers().back().name, "aligned");
  EXPECT_TRUE(guard.Tiers().back().ready);
}

TEST_F(AlignedTier, IsNotAskedAboutAnswersOrWhatIsStopped) {
  const Guard guard = Load({.aligned = &model_});
  EXPECT_FALSE(guard.Check(Direction::kOutput, harmful_).detectors.contains("aligned"));
  EXPECT_EQ(guard.Check(Direction::kInput, {"how do I poison the dog softly, card 4111 1111 1111 1111", ""}).action, Action::kBlock);
  EXPECT_TRUE(model_.asked.empty());
}

TEST_F(AlignedTier, SilenceIsNoPass) {
  model_.broken = true;
  const Guard guard = Load({.aligned = &model_});
  const Verdict verdict = guard.Check(Direction::kInput, harmful_);
  EXPECT_TRUE(verdict.failed);
  EXPECT_EQ(verdict.action, Action::kBlock);
  EXPECT_EQ(verdict.detectors.at("aligned").status, DetectorStatus::kError);
  EXPECT_FALSE(guard.Check(Direction::kInput, everyday_).failed) << "it was not needed";
  const Guard without = Load({});
  EXPECT_EQ(without.Check(Direction::kInput, harmful_).detectors.at("aligned").status, DetectorStatus::kNotRun);
  EXPECT_EQ(without.Check(Direction::kInput, harmful_).action, Action::kBlock);
  EXPECT_FALSE(without.Warnings().empty());
  const Guard fallback = Load({.aligned = &model_, .on_error = OnError::kFallback});
  EXPECT_EQ(fallback.Check(Direction::kInput, harmful_).action, Action::kAllow) << "the tiers that ran decide";
  const Guard lean = Load({.require_encoder = false});
  EXPECT_FALSE(lean.Check(Direction::kInput, harmful_).failed) << "left out on purpose";
}

TEST_F(AlignedTier, WhatIsNoProbabilityIsNoAnswer) {
  model_.probability = std::nanf("");
  EXPECT_TRUE(Load({.aligned = &model_}).Check(Direction::kInput, harmful_).failed);
}

TEST_F(AlignedTier, IsWhatTheRecordSays) {
  const auto record = LoadRecord(folder());
  ASSERT_TRUE(record) << record.error().Text();
  ASSERT_TRUE(record->aligned);
  EXPECT_EQ(record->aligned->opening, "I'm sorry,");
  EXPECT_EQ(record->aligned->threshold, 0.3);
  ASSERT_TRUE(WriteFileAtomic(folder() / "aligned" / "adapter_config.json", "{\"changed\":1}"));
  EXPECT_EQ(Guard::Load(folder(), policy_, {.aligned = &model_}).error().code, Code::kCorrupt);
  for (const auto& [key, wrong] : json::object{{"weight", -1}, {"threshold", 2}, {"opening", ""}, {"base", 1}}) {
    json::object object = RecordJson(*record);
    object.at("detectors").as_object().at("aligned").as_object()[key] = wrong;
    EXPECT_FALSE(ParseRecord(object, "guard.json")) << key;
  }
  EXPECT_EQ(OpenAligned(*record->aligned, temp_.path() / "none", {}).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace plumb::guard
