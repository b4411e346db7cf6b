#include "runtime/guard/scored_rows.h"

#include "runtime/guard/cascade.h"
#include "runtime/guard/linear.h"

namespace plumb::guard {

Result<Scored> ScoreRows(const Guard& guard, const std::vector<CalibrationRow>& rows, Direction direction, std::string_view stack) {
  Scored out;
  std::vector<Subject> subjects;
  for (const CalibrationRow& row : rows) {
    if (row.direction != direction) continue;
    out.rows.push_back(&row);
    subjects.push_back({row.text, row.prompt});
  }
  const policy::Policy& policy = guard.policy();
  const std::vector<Scores> scores = Score(guard.parts(), direction, subjects, stack == kEncoderStack);
  std::vector<size_t> known;
  out.clauses.emplace_back(kUnsafeHead);
  for (size_t c = 0; c < policy.categories.size() && !scores.empty(); ++c) {
    if (!(scores[0].categories[c] > -1e300)) continue;
    known.push_back(c);
    out.clauses.push_back(policy.categories[c].id);
  }
  for (const Scores& one : scores) {
    if (one.stack != stack) {
      const auto report = one.detectors.find("encoder");
      return Fail(Code::kUnavailable, "the {} tier gave no answer{}", stack, report == one.detectors.end() ? "" : ": " + report->second.note);
    }
    out.logits.push_back({one.unsafe});
    for (const size_t c : known) out.logits.back().push_back(one.categories[c]);
  }
  return out;
}

bool IsOrdinary(const CalibrationRow& row) { return row.clause == policy::kOrdinary; }
bool IsPositive(const CalibrationRow& row, std::string_view clause) { return row.violates && (clause == kUnsafeHead || row.clause == clause); }
bool IsLookAlike(const CalibrationRow& row, std::string_view clause) {
  return !row.violates && !IsOrdinary(row) && (clause == kUnsafeHead || row.clause == clause);
}

bool Acts(const policy::Policy& policy, std::string_view clause, Direction direction) {
  const policy::Category* category = policy.FindCategory(clause);
  return category == nullptr || category->on.For(DirectionName(direction)) != Action::kAllow;
}

AlarmCount CountAlarms(const policy::Policy& policy, Direction direction, const Scored& scored, const DirectionCalibration& calibration) {
  AlarmCount out;
  for (size_t i = 0; i < scored.rows.size(); ++i) {
    if (!IsOrdinary(*scored.rows[i])) continue;
    ++out.ordinary;
    bool alarm = false;
    for (size_t c = 0; c < scored.clauses.size(); ++c) {
      const auto clause = calibration.clauses.find(scored.clauses[c]);
      alarm |= clause != calibration.clauses.end() && Acts(policy, scored.clauses[c], direction) && Sigmoid(scored.logits[i][c]) >= clause->second.threshold;
    }
    out.alarms += alarm;
  }
  return out;
}

}  // namespace plumb::guard
