#include "runtime/guard/calibrate.h"

#include <algorithm>

#include "base/stats/risk_control.h"
#include "runtime/guard/calibrate_direction.h"
#include "runtime/guard/cascade.h"
#include "runtime/guard/reading.h"
#include "runtime/guard/scored_rows.h"

namespace plumb::guard {
namespace {

double BudgetOf(const policy::Policy& policy, Direction direction, const CalibrationOptions& options) {
  return policy.false_alarm * (direction == Direction::kOutput ? options.output_share : options.budget_share);
}

// The input's thresholds where nothing was measured, stricter by kUnknown log-odds, and what it would take. Taken as they
// are they spent the budget a second time: 8 of 300 everyday answers of a small model alarmed, beside 6 of their prompts.
DirectionCalibration Borrowed(DirectionCalibration from, double budget) {
  constexpr double kUnknown = 4;
  from.budget = budget;
  from.guaranteed = false;
  from.joint = false;
  from.claims = 0;
  from.least_probability = 0;
  from.heights.clear();
  from.ordinary = from.alarms = 0;
  from.alarm_upper_bound = 1;
  from.ordinary_missing = stats::SamplesForZeroErrors(from.budget, from.confidence);
  for (auto& [id, clause] : from.clauses) {
    clause.calibrated = false;
    clause.threshold = Sigmoid(LogOddsOf(clause.threshold) + kUnknown);
    clause.positives = clause.missed = clause.look_alikes = clause.look_alikes_alarmed = 0;
    clause.catch_lower_bound = 0;
    clause.positives_missing = stats::SamplesForZeroErrors(1 - clause.catch_rate, clause.confidence);
    clause.reason = "no texts of this direction; the input's threshold stands in, four log-odds stricter";
  }
  return from;
}

// A tool's results are read by the heads of documents: their thresholds stand in as they are.
DirectionCalibration AsDocuments(DirectionCalibration from) {
  from.guaranteed = from.joint = false;
  from.heights.clear();
  for (auto& [id, clause] : from.clauses) {
    clause.calibrated = false;
    clause.reason = "no texts of this direction; the thresholds of documents stand in";
  }
  return from;
}

bool HasRows(const std::vector<CalibrationRow>& rows, Direction direction) {
  return std::any_of(rows.begin(), rows.end(), [&](const CalibrationRow& row) { return row.direction == direction; });
}

}  // namespace

Result<GuardRecord> Calibrate(const Guard& guard, const std::vector<CalibrationRow>& rows, const CalibrationOptions& options) {
  GuardRecord record = guard.record();
  record.calibrated_with = DetectorHash(record);
  const std::vector<CalibrationRow>& reviewed = options.reviewed.rows;
  if (!HasRows(rows, Direction::kInput) && !HasRows(reviewed, Direction::kInput))
    return Fail(Code::kInvalid, "calibration needs texts of direction input; the policy's calibration split has none");
  for (auto& [name, stack] : record.stacks) {
    stack.directions.clear();
    for (const Direction direction : {Direction::kInput, Direction::kOutput, Direction::kToolCall, Direction::kDocument, Direction::kToolResult}) {
      const bool by_review = HasRows(reviewed, direction);
      const double budget = BudgetOf(guard.policy(), direction, options);
      std::optional<DirectionCalibration> borrowed;
      if (direction != Direction::kInput) borrowed = Borrowed(stack.directions.at(Direction::kInput), budget);
      if (!by_review && !HasRows(rows, direction)) {
        const bool as_documents = direction == Direction::kToolResult && stack.groups.contains(HeadGroup(direction));
        stack.directions[direction] = as_documents ? AsDocuments(stack.directions.at(Direction::kDocument)) : *borrowed;
        continue;
      }
      PLUMB_TRY(const Scored scored, ScoreRows(guard, by_review ? reviewed : rows, direction, name));
      DirectionCalibration& made = stack.directions[direction];
      made = CalibrateDirection(guard.policy(), scored, direction, stack, by_review ? options.reviewed.least_probability : 0, budget, options, borrowed ? &*borrowed : nullptr);
      if (by_review && !made.guaranteed)
        return Fail(Code::kInvalid, "{} reviewed ordinary texts of direction {} do not prove {:.2f} % false alarms at confidence {}; about {} more like them are needed, none of them an alarm",
                    made.ordinary, DirectionName(direction), 100 * budget, options.confidence, std::max<size_t>(made.ordinary_missing, 1));
    }
  }
  return record;
}

}  // namespace plumb::guard
