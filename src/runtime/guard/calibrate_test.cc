// Thresholds: what they prove, what they are set on, and when they are stale.
#include "runtime/guard/calibrate.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "runtime/guard/folder_test.h"
#include "runtime/guard/scored_rows.h"

namespace plumb::guard {
namespace {

class Calibration : public GuardFolder {
 protected:
  // Traffic in which 6 % ask what looks like harm and is none, and a review that seldom looks at those.
  struct Traffic {
    std::vector<CalibrationRow> all;
    Reviewed reviewed;
  };
  static Traffic BiasedReview() {
    std::vector<CalibrationRow> plain, alarming;
    for (const policy::Example& example : policy::Examples(*policy_)) {
      if (example.clause == policy::kOrdinary)
        for (const char* end : {"", " now"}) plain.push_back({example.text + end, "ordinary", false, Direction::kInput, ""});
      else if (example.violates && alarming.size() < 138)
        alarming.push_back({example.text, "ordinary", false, Direction::kInput, ""});
    }
    Traffic out;
    out.reviewed.least_probability = 0.2;
    std::mt19937_64 random(9);
    for (std::vector<CalibrationRow>* rows : {&plain, &alarming})
      for (CalibrationRow& row : *rows) {
        out.all.push_back(row);
        row.probability = rows == &plain ? 1 : 0.2;
        if (std::uniform_real_distribution<double>()(random) < row.probability) out.reviewed.rows.push_back(row);
      }
    return out;
  }
  static double AlarmRate(const std::vector<CalibrationRow>& traffic, const GuardRecord& record) {
    const Guard guard = Load();
    const auto scored = ScoreRows(guard, traffic, Direction::kInput, kLinearStack);
    EXPECT_TRUE(scored);
    const AlarmCount count = CountAlarms(*policy_, Direction::kInput, *scored, *record.Calibration(kLinearStack, Direction::kInput));
    return static_cast<double>(count.alarms) / static_cast<double>(count.ordinary);
  }
};

TEST_F(Calibration, CalibrationRecordsWhatItProves) {
  const GuardRecord record = *LoadRecord(folder());
  const DirectionCalibration* input = record.Calibration(kEncoderStack, Direction::kInput);
  ASSERT_NE(input, nullptr);
  EXPECT_GE(input->ordinary, 149u);
  EXPECT_TRUE(input->guaranteed);
  EXPECT_LE(input->alarm_upper_bound, input->budget + 1e-9);
  // A catch of 90 % at confidence 95 % takes 29 violating texts, and 39 where three clauses are to hold together.
  EXPECT_TRUE(input->joint);
  size_t claims = 0;
  for (const auto& [id, clause] : input->clauses) {
    EXPECT_EQ(clause.positives_missing, clause.positives >= 39 ? 0 : 39 - clause.positives) << id;
    EXPECT_EQ(clause.calibrated, clause.positives_missing == 0) << id << ": " << clause.reason;
    claims += clause.calibrated;
  }
  EXPECT_EQ(input->claims, claims);
  auto alone = Calibrate(Load(), *CalibrationRows(*policy_, policy::Split::kCalibration, {}), {.joint = false});
  ASSERT_TRUE(alone) << alone.error().Text();
  const DirectionCalibration* one_by_one = alone->Calibration(kEncoderStack, Direction::kInput);
  EXPECT_FALSE(one_by_one->joint);
  const ClauseThreshold& poison = one_by_one->clauses.at("poison");
  EXPECT_EQ(poison.positives_missing, poison.positives >= 29 ? 0 : 29 - poison.positives);
  EXPECT_LE(input->clauses.at("unsafe").catch_lower_bound, one_by_one->clauses.at("unsafe").catch_lower_bound) << "what more is claimed costs confidence";
  EXPECT_TRUE(input->clauses.at(std::string(kUnsafeHead)).calibrated);
  // Nothing was measured on outputs.
  const DirectionCalibration* output = record.Calibration(kEncoderStack, Direction::kOutput);
  EXPECT_FALSE(output->guaranteed);
  EXPECT_EQ(output->ordinary_missing, 498u) << "answers have three tenths of the budget";
  EXPECT_EQ(output->clauses.at("poison").positives_missing, 29u);
  const auto logit = [](double p) { return std::log(p / (1 - p)); };
  for (const auto& [id, clause] : output->clauses)
    EXPECT_NEAR(logit(clause.threshold), logit(input->clauses.at(id).threshold) + 4, 1e-3) << id << " is borrowed, and stricter";
  EXPECT_LE(input->clauses.at(std::string(kUnsafeHead)).threshold, 0.5 + 1e-9) << "the budget allows it, so the net stays at even odds";
}

TEST_F(Calibration, AnswersOfTheirOwnSetTheOutputsThresholds) {
  std::vector<CalibrationRow> rows = *CalibrationRows(*policy_, policy::Split::kCalibration, {});
  const std::vector<CalibrationRow> inputs = rows;
  const auto add_ordinary = [&](size_t n) {
    rows = inputs;
    for (const CalibrationRow& row : inputs) {
      if (row.clause == policy::kOrdinary && n > 0 && n-- > 0) rows.push_back({row.text + " like this", row.clause, false, Direction::kOutput, row.text});
      if (row.violates) rows.push_back({"sure, here is " + row.text, row.clause, true, Direction::kOutput, row.text});
    }
  };
  const auto logit = [](double p) { return std::log(p / (1 - p)); };
  // Enough of them for a budget of 2 %: a guarantee of their own.
  add_ordinary(1000);
  auto record = Calibrate(Load(), rows, {.output_share = 1});
  ASSERT_TRUE(record) << record.error().Text();
  const DirectionCalibration* output = record->Calibration(kEncoderStack, Direction::kOutput);
  EXPECT_TRUE(output->guaranteed);
  EXPECT_GE(output->ordinary, 149u);
  EXPECT_TRUE(output->clauses.at(std::string(kUnsafeHead)).calibrated) << output->clauses.at(std::string(kUnsafeHead)).reason;
  EXPECT_EQ(ToJson(RecordJson(*record)["stacks"].at("encoder").at("directions").at("input").as_object()),
            ToJson(RecordJson(*LoadRecord(folder()))["stacks"].at("encoder").at("directions").at("input").as_object()));
  // Too few: nothing is claimed, and the borrowed thresholds are the least.
  add_ordinary(20);
  record = Calibrate(Load(), rows, {.output_share = 1});
  output = record->Calibration(kEncoderStack, Direction::kOutput);
  EXPECT_FALSE(output->guaranteed);
  EXPECT_GT(output->ordinary_missing, 0u);
  const DirectionCalibration* input = record->Calibration(kEncoderStack, Direction::kInput);
  for (const auto& [id, clause] : output->clauses) {
    EXPECT_FALSE(clause.calibrated);
    EXPECT_GE(logit(clause.threshold), logit(input->clauses.at(id).threshold) + 4 - 1e-3) << id;
  }
}

TEST_F(Calibration, VerifyHoldsAndFindsAPlantedThreshold) {
  const auto calibration = *CalibrationRows(*policy_, policy::Split::kCalibration, {});
  const auto test = *CalibrationRows(*policy_, policy::Split::kTest, {});
  auto good = Verify(Load(), calibration, test, {});
  ASSERT_TRUE(good) << good.error().Text();
  for (const plumb::guard::Check& check : good->checks) EXPECT_TRUE(check.holds) << check.stack << ' ' << check.clause << ": " << check.message;

  // Each fault alone: a threshold that lets everything pass, one that stops everything, and a claim without a basis.
  for (int fault = 0; fault < 3; ++fault) {
    TempFolder other;
    fs::copy(folder(), other.path() / "guard", fs::copy_options::recursive);
    GuardRecord record = *LoadRecord(other.path() / "guard");
    ClauseThreshold& clause = record.stacks.find(kEncoderStack)->second.directions[fault == 2 ? Direction::kOutput : Direction::kInput].clauses.at(fault == 2 ? "poison" : "unsafe");
    if (fault == 0) clause.threshold = 0.9999999;
    if (fault == 1) clause.threshold = 1e-7;
    if (fault == 2) clause.calibrated = true;
    ASSERT_TRUE(SaveRecord(other.path() / "guard", record));
    auto guard = Guard::Load(other.path() / "guard", *policy_, {.classifier = encoder_});
    ASSERT_TRUE(guard);
    auto report = Verify(*guard, calibration, test, {});
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->holds()) << "fault " << fault;
  }
}

TEST_F(Calibration, ThresholdsGrowStale) {
  GuardRecord record = *LoadRecord(folder());
  const Time made = *ParseTime(record.created);
  EXPECT_TRUE(Staleness(record, *policy_, made + std::chrono::days(90), 90).empty());
  const auto old = Staleness(record, *policy_, made + std::chrono::days(91), 90);
  ASSERT_EQ(old.size(), 1u) << "by age";
  EXPECT_EQ(old[0].reason, "age");
  record.calibrated = FormatTime(made + std::chrono::days(60));
  EXPECT_TRUE(Staleness(record, *policy_, made + std::chrono::days(91), 90).empty()) << "calibrated anew";
  EXPECT_EQ(ParseRecord(RecordJson(record), "guard.json")->calibrated, record.calibrated);
  record.policy_hash[0] = record.policy_hash[0] == 'a' ? 'b' : 'a';
  EXPECT_EQ(Staleness(record, *policy_, made, 90).size(), 1u) << "by another policy";
  record.linear_sha256[0] = record.linear_sha256[0] == 'a' ? 'b' : 'a';
  const auto changed = Staleness(record, *policy_, made, 90);
  ASSERT_EQ(changed.size(), 2u) << "and by other detectors";
  EXPECT_EQ(changed[1].reason, "detectors");
  record.calibrated_with = "";
  record.calibrated = record.created = "";
  EXPECT_EQ(Staleness(record, *policy_, made, 90).size(), 2u) << "by what is not known";
}

// The policy allows 2 % false alarms. Counted as they were drawn the reviewed rows say that the guard gives fewer; it gives 6.
TEST_F(Calibration, ReviewsCountByTheInverseOfTheirProbability) {
  const Traffic traffic = BiasedReview();
  std::vector<CalibrationRow> even = traffic.reviewed.rows;
  const auto unweighted = Calibrate(Load(), even, {});
  ASSERT_TRUE(unweighted) << unweighted.error().Text();
  EXPECT_TRUE(unweighted->Calibration(kLinearStack, Direction::kInput)->guaranteed) << "it believes so";
  EXPECT_GT(AlarmRate(traffic.all, *unweighted), 0.04);
  const auto rows = *CalibrationRows(*policy_, policy::Split::kCalibration, {});
  const auto weighted = Calibrate(Load(), rows, {.reviewed = traffic.reviewed});
  ASSERT_TRUE(weighted) << weighted.error().Text();
  EXPECT_LE(AlarmRate(traffic.all, *weighted), 0.02);
  const DirectionCalibration* input = weighted->Calibration(kLinearStack, Direction::kInput);
  EXPECT_TRUE(input->guaranteed);
  EXPECT_EQ(input->least_probability, 0.2);
  EXPECT_EQ(input->ordinary, traffic.reviewed.rows.size());
  EXPECT_FALSE(input->clauses.at("poison").calibrated) << "no violation was among the reviews";
  EXPECT_EQ(ParseRecord(RecordJson(*weighted), "guard.json")->Calibration(kLinearStack, Direction::kInput)->least_probability, 0.2);
}

TEST_F(Calibration, TooFewReviewsAreRefusedWithHowManyAreMissing) {
  Traffic traffic = BiasedReview();
  traffic.reviewed.rows.resize(100);
  const auto rows = *CalibrationRows(*policy_, policy::Split::kCalibration, {});
  const auto refused = Calibrate(Load(), rows, {.reviewed = traffic.reviewed});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  // ln(2 / 0.05) = 3.69, and a review that counts a fifth gains ln(1 + 0.02/5) = 0.00399: 925 in all.
  EXPECT_NE(refused.error().message.find("100 reviewed ordinary texts of direction input do not prove 2.00 % false alarms"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("about 825 more"), std::string::npos) << refused.error().message;
}

TEST_F(Calibration, ASheetCountsOnlyWhole) {
  const json::object good = {{"text", "how would you paint a horse"}, {"probability", 0.5}, {"least_probability", 0.1}, {"label", "ordinary"}};
  const auto read = ReviewedRows(*policy_, {good, {{"text", "poison"}, {"probability", 1}, {"label", "poison"}, {"direction", "output"}, {"prompt", "p"}}});
  ASSERT_TRUE(read) << read.error().Text();
  EXPECT_EQ(read->least_probability, 0.1);
  EXPECT_FALSE(read->rows[0].violates);
  EXPECT_TRUE(read->rows[1].violates);
  EXPECT_EQ(read->rows[1].direction, Direction::kOutput);
  const auto fault = [&](std::string_view key, json::value value) {
    json::object row = good;
    row[key] = std::move(value);
    const auto bad = ReviewedRows(*policy_, {good, row});
    return bad ? std::string() : bad.error().message;
  };
  EXPECT_NE(fault("label", "").find("1 of 2 reviewed rows have no label"), std::string::npos);
  EXPECT_NE(fault("label", "piracy").find("reviewed row 2: is labelled 'piracy'"), std::string::npos) << fault("label", "piracy");
  EXPECT_NE(fault("probability", 0).find("drawn with probability 0"), std::string::npos);
  EXPECT_NE(fault("least_probability", 0.7).find("the least being 0.7"), std::string::npos);
}

TEST_F(Calibration, NotesHowHighOrdinaryTextsScore) {
  const GuardRecord record = *LoadRecord(folder());
  const std::vector<DriftHeight>& heights = record.Calibration(kEncoderStack, Direction::kInput)->heights;
  ASSERT_GE(heights.size(), 2u);
  EXPECT_LT(heights[0].low, 0.5);
  EXPECT_GT(heights[0].high, 0.5);
  EXPECT_LT(heights[0].score, heights[1].score);
  EXPECT_TRUE(record.Calibration(kEncoderStack, Direction::kOutput)->heights.empty()) << "nothing was measured there";
}

}  // namespace
}  // namespace plumb::guard
