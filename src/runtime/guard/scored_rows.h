// Rows of one direction with what a stack makes of them: what thresholds are set on, and held against. Private to this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/guard/calibrate.h"

namespace plumb::guard {

// Scores in log-odds: [row][clause].
struct Scored {
  std::vector<const CalibrationRow*> rows;
  std::vector<std::string> clauses;  // "unsafe" first, then the categories some head knows
  std::vector<std::vector<double>> logits;
};
// Error: kUnavailable where the stack's tier gave no answer.
Result<Scored> ScoreRows(const Guard& guard, const std::vector<CalibrationRow>& rows, Direction direction, std::string_view stack);

bool IsOrdinary(const CalibrationRow& row);
bool IsPositive(const CalibrationRow& row, std::string_view clause);
bool IsLookAlike(const CalibrationRow& row, std::string_view clause);

// Whether an alarm of this clause does anything in this direction; what does nothing spends no budget.
bool Acts(const policy::Policy& policy, std::string_view clause, Direction direction);

// Ordinary texts, and those of them with at least one alarm.
struct AlarmCount {
  size_t ordinary = 0, alarms = 0;
};
AlarmCount CountAlarms(const policy::Policy& policy, Direction direction, const Scored& scored, const DirectionCalibration& calibration);

}  // namespace plumb::guard
