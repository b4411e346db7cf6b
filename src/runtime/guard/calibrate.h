// Thresholds with a guarantee, and the check that they still hold.
//
//   Result<GuardRecord> record = Calibrate(guard, rows, {});        // writes nothing; SaveRecord does
//   Result<VerifyReport> report = Verify(guard, calibration_rows, test_rows, {});
//
// For a direction: one shift over all clauses meets the joint false-alarm budget on ordinary texts; then each category's
// threshold rises as far as its target catch allows (fewer look-alikes alarm, the budget holds all the more). Both
// steps are order statistics with exact binomial bounds (base/stats/risk_control.h). What the guarantee does not cover:
// adversaries, and traffic unlike the calibration texts.
#pragma once

#include "runtime/guard/record.h"

namespace plumb::guard {

struct CalibrationRow {
  std::string text;
  std::string clause;  // a category, or "ordinary"
  bool violates = false;
  Direction direction = Direction::kInput;
  std::string prompt;  // for outputs
  double probability = 1;  // of reviewed traffic: with which it was drawn
};

// The policy's examples of one split, of every direction, and `extra` rows {"clause","violates"|"allows"} or, for ordinary
// traffic, {"text"} or {"prompt"}, each with an optional "direction". A model's own answers to everyday prompts of the
// calibration split may be added: {"allows": ANSWER, "direction": "output", "prompt": PROMPT}. Error: kInvalid, naming the
// row.
Result<std::vector<CalibrationRow>> CalibrationRows(const policy::Policy& policy, policy::Split split, const std::vector<json::object>& extra);

// What `plumb guard calibrate` and a turn of the loop spend: an exchange passes the guard twice, so answers have a share of
// their own.
inline constexpr double kBudgetShare = 0.7, kOutputShare = 0.3;

// Traffic that people looked at. Its rows are no even sample where some exchanges were drawn more readily than others: each
// counts 1/probability (base/stats/weighted_risk.h).
struct Reviewed {
  std::vector<CalibrationRow> rows;
  double least_probability = 0;  // that the sampling gives any exchange
};
// Rows {"text","prompt"?,"direction"?,"probability","least_probability"?,"label"}; the label is a category or "ordinary". Error:
// kInvalid, naming the row; a row without a label is one, since a sample that people left gaps in is none.
Result<Reviewed> ReviewedRows(const policy::Policy& policy, const std::vector<json::object>& sheet);

struct CalibrationOptions {
  double confidence = 0.95;  // of the joint false-alarm budget
  // The catches of a direction's clauses are proved all together (Bonferroni over what the numbers of texts can prove), else
  // one by one.
  bool joint = true;
  Reviewed reviewed = {};  // sets the thresholds of the directions that it has, in place of the other rows
  // The parts of the policy's `false_alarm` that the thresholds spend: on answers, and on every other direction.
  double budget_share = 1, output_share = kOutputShare;
};

// A record like the guard's with thresholds for every stack it can score and every direction. A direction without rows
// takes the input's thresholds, uncalibrated. Errors: kInvalid (no rows; too few reviews to prove the budget, with how many
// are missing), the encoder's.
Result<GuardRecord> Calibrate(const Guard& guard, const std::vector<CalibrationRow>& rows, const CalibrationOptions& options);

// One claim of guard.json held against fresh texts.
struct Check {
  std::string stack, direction, clause;  // clause "false_alarm" is the joint budget
  bool holds = true;
  std::string message;  // figures with their intervals
};
struct VerifyReport {
  std::vector<Check> checks;
  bool holds() const;
};
// Two tests: the thresholds are those that calibration gives again; and on the test split no claimed rate is refuted
// (exact bounds, 1 % over all claims together). Errors as Calibrate.
Result<VerifyReport> Verify(const Guard& guard, const std::vector<CalibrationRow>& calibration, const std::vector<CalibrationRow>& test, CalibrationOptions options);

// Why thresholds that were right once may be so no longer: "age" (more than `days`, by `calibrated`, else `created`), "policy"
// (set for another than this), "detectors" (set with others than these). What live traffic says is drift.h's.
struct Stale {
  std::string reason, says;
};
std::vector<Stale> Staleness(const GuardRecord& record, const policy::Policy& policy, Time now, int days);
inline constexpr int kFreshDays = 365;

}  // namespace plumb::guard
