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
};

// The policy's examples of one split, of every direction, and `extra` rows {"clause","violates"|"allows"} or, for ordinary
// traffic, {"text"} or {"prompt"}, each with an optional "direction". A model's own answers to everyday prompts of the
// calibration split may be added: {"allows": ANSWER, "direction": "output", "prompt": PROMPT}. Error: kInvalid, naming the
// row.
Result<std::vector<CalibrationRow>> CalibrationRows(const policy::Policy& policy, policy::Split split, const std::vector<json::object>& extra);

// What `plumb guard calibrate` and a turn of the loop spend: an exchange passes the guard twice, so answers have a share of
// their own.
inline constexpr double kBudgetShare = 0.7, kOutputShare = 0.3;

struct CalibrationOptions {
  double confidence = 0.95;  // of the joint false-alarm budget
  // The parts of the policy's `false_alarm` that the thresholds spend: on answers, and on every other direction.
  double budget_share = 1, output_share = kOutputShare;
};

// A record like the guard's with thresholds for every stack it can score and every direction. A direction without rows
// takes the input's thresholds, uncalibrated. Errors: kInvalid (no rows), the encoder's.
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
// Why thresholds that were right once may be so no longer: older than `days` (by `calibrated`, else `created`), or set for
// another policy than this. One line each, for a person.
std::vector<std::string> Staleness(const GuardRecord& record, const policy::Policy& policy, Time now, int days);

Result<VerifyReport> Verify(const Guard& guard, const std::vector<CalibrationRow>& calibration, const std::vector<CalibrationRow>& test, const CalibrationOptions& options);

}  // namespace plumb::guard
