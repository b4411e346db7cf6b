#include "runtime/guard/calibrate.h"

#include <algorithm>
#include <cmath>

#include "base/stats/risk_control.h"
#include "runtime/guard/cascade.h"
#include "runtime/guard/linear.h"
#include "runtime/guard/reading.h"

namespace plumb::guard {
namespace {

// Rows of one direction with what a stack scores them, in log-odds: [row][clause], clauses as in `clauses`.
struct Scored {
  std::vector<const CalibrationRow*> rows;
  std::vector<std::string> clauses;        // "unsafe" first, then the categories some head knows
  std::vector<std::vector<double>> logits;
};

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

policy::Target TargetOf(const policy::Policy& policy, const std::string& clause) {
  if (const policy::Category* category = policy.FindCategory(clause)) return category->target;
  // The general alarm is held to the mildest of the categories' targets: each has a threshold of its own besides.
  policy::Target target{1, 0.95};
  for (const policy::Category& category : policy.categories)
    if (category.target.catch_rate < target.catch_rate) target = category.target;
  if (target.catch_rate >= 1) target.catch_rate = 0.9;
  return target;
}

bool IsPositive(const CalibrationRow& row, const std::string& clause) { return row.violates && (clause == kUnsafeHead || row.clause == clause); }
bool IsLookAlike(const CalibrationRow& row, const std::string& clause) {
  return !row.violates && row.clause != policy::kOrdinary && (clause == kUnsafeHead || row.clause == clause);
}

// Whether an alarm of this clause does anything in this direction; what does nothing spends no budget.
bool Acts(const policy::Policy& policy, const std::string& clause, Direction direction) {
  const policy::Category* category = policy.FindCategory(clause);
  return category == nullptr || category->on.For(DirectionName(direction)) != Action::kAllow;
}

ClauseThreshold ThresholdOf(const Scored& scored, size_t c, double floor_logit, bool budget_holds, const policy::Target& target) {
  const std::string& clause = scored.clauses[c];
  ClauseThreshold out;
  out.catch_rate = target.catch_rate;
  out.confidence = target.confidence;
  std::vector<double> positives;
  for (size_t i = 0; i < scored.rows.size(); ++i)
    if (IsPositive(*scored.rows[i], clause)) positives.push_back(scored.logits[i][c]);
  const stats::CatchThreshold caught = stats::ThresholdForCatch(positives, target.catch_rate, target.confidence);
  // One step up: the sigmoid may round two scores into one.
  const double floor = std::nextafter(Sigmoid(floor_logit), 2.0);
  // The general alarm is the net under all clauses: beyond its target it still alarms where harm is likelier than not.
  const double raised = clause == kUnsafeHead ? std::min(0.5, Sigmoid(caught.threshold)) : Sigmoid(caught.threshold);
  out.threshold = caught.guaranteed ? std::max(floor, raised) : floor;
  out.positives = positives.size();
  out.positives_missing = caught.n_missing;
  out.missed = static_cast<size_t>(std::count_if(positives.begin(), positives.end(), [&](double logit) { return Sigmoid(logit) < out.threshold; }));
  out.catch_lower_bound = stats::BinomialLowerBound(out.positives - out.missed, out.positives, target.confidence);
  const bool catches = caught.guaranteed && out.catch_lower_bound >= target.catch_rate - 1e-12;
  out.calibrated = catches && budget_holds;
  if (!caught.guaranteed)
    out.reason = fmt::format("{} violating texts, {} more are needed to prove a catch of {} at confidence {}", out.positives, out.positives_missing, target.catch_rate, target.confidence);
  else if (!catches)
    out.reason = fmt::format("the false-alarm budget leaves a catch of {:.3f} ({} of {}), proved {:.3f}, wanted {}", 1 - static_cast<double>(out.missed) / static_cast<double>(out.positives),
                             out.positives - out.missed, out.positives, out.catch_lower_bound, target.catch_rate);
  else if (!budget_holds)
    out.reason = "too few ordinary texts to prove the false-alarm budget";
  for (size_t i = 0; i < scored.rows.size(); ++i) {
    if (!IsLookAlike(*scored.rows[i], clause)) continue;
    ++out.look_alikes;
    out.look_alikes_alarmed += Sigmoid(scored.logits[i][c]) >= out.threshold;
  }
  return out;
}

// Ordinary texts with at least one alarm.
size_t CountAlarms(const policy::Policy& policy, Direction direction, const Scored& scored, const DirectionCalibration& calibration, size_t& ordinary) {
  size_t alarms = 0;
  ordinary = 0;
  for (size_t i = 0; i < scored.rows.size(); ++i) {
    if (scored.rows[i]->clause != policy::kOrdinary) continue;
    ++ordinary;
    bool alarm = false;
    for (size_t c = 0; c < scored.clauses.size(); ++c) {
      const auto clause = calibration.clauses.find(scored.clauses[c]);
      alarm |= clause != calibration.clauses.end() && Acts(policy, scored.clauses[c], direction) && Sigmoid(scored.logits[i][c]) >= clause->second.threshold;
    }
    alarms += alarm;
  }
  return alarms;
}

double BudgetOf(const policy::Policy& policy, Direction direction, const CalibrationOptions& options) {
  return policy.false_alarm * (direction == Direction::kOutput ? options.output_share : options.budget_share);
}

// Of a threshold, which may lie beyond every score.
double LogOdds(double threshold) {
  const double p = std::min(threshold, 1 - 1e-9);
  return std::log(p / (1 - p));
}

// The input's thresholds where nothing was measured, stricter by kUnknown log-odds, and what it would take. Taken as they
// are they spent the budget a second time: 8 of 300 everyday answers of a small model alarmed, beside 6 of their prompts.
DirectionCalibration Borrowed(DirectionCalibration from, double budget) {
  constexpr double kUnknown = 4;
  from.budget = budget;
  from.guaranteed = false;
  from.ordinary = from.alarms = 0;
  from.alarm_upper_bound = 1;
  from.ordinary_missing = stats::SamplesForZeroErrors(from.budget, from.confidence);
  for (auto& [id, clause] : from.clauses) {
    clause.calibrated = false;
    clause.threshold = Sigmoid(LogOdds(clause.threshold) + kUnknown);
    clause.positives = clause.missed = clause.look_alikes = clause.look_alikes_alarmed = 0;
    clause.catch_lower_bound = 0;
    clause.positives_missing = stats::SamplesForZeroErrors(1 - clause.catch_rate, clause.confidence);
    clause.reason = "no texts of this direction; the input's threshold stands in, four log-odds stricter";
  }
  return from;
}

// A tool's results are read by the heads of documents: their thresholds stand in as they are.
DirectionCalibration AsDocuments(DirectionCalibration from) {
  from.guaranteed = false;
  for (auto& [id, clause] : from.clauses) {
    clause.calibrated = false;
    clause.reason = "no texts of this direction; the thresholds of documents stand in";
  }
  return from;
}

// Where there are too few ordinary texts for the budget's guarantee, thresholds stay at least as high as `borrowed`, if any.
DirectionCalibration CalibrateDirection(const Guard& guard, const Scored& scored, Direction direction, const Stack& stack, const CalibrationOptions& options,
                                        const DirectionCalibration* borrowed) {
  const policy::Policy& policy = guard.policy();
  const auto offset_of = [&](const std::string& clause) {
    const auto& offsets = stack.For(direction).offsets;
    const auto found = offsets.find(clause);
    return found == offsets.end() ? 0.0 : found->second;
  };
  std::vector<double> matrix, offsets;
  for (const std::string& clause : scored.clauses)
    if (Acts(policy, clause, direction)) offsets.push_back(offset_of(clause));
  for (size_t i = 0; i < scored.rows.size(); ++i) {
    if (scored.rows[i]->clause != policy::kOrdinary) continue;
    for (size_t c = 0; c < scored.clauses.size(); ++c)
      if (Acts(policy, scored.clauses[c], direction)) matrix.push_back(scored.logits[i][c]);
  }
  DirectionCalibration out;
  out.budget = BudgetOf(policy, direction, options);
  const stats::AlarmThreshold alarm = stats::JointThresholdForAlarms(matrix, offsets, out.budget, options.confidence);
  out.confidence = options.confidence;
  out.guaranteed = alarm.guaranteed;
  out.ordinary_missing = alarm.n_missing;
  for (size_t c = 0; c < scored.clauses.size(); ++c) {
    const std::string& clause = scored.clauses[c];
    // Without any ordinary text the budget says nothing; even odds are asked for then.
    double floor = alarm.n == 0 ? 0 : offset_of(clause) + alarm.shift;
    if (borrowed && !alarm.guaranteed) floor = std::max(floor, LogOdds(borrowed->clauses.at(clause).threshold));
    out.clauses[clause] = ThresholdOf(scored, c, floor, alarm.guaranteed, TargetOf(policy, clause));
  }
  out.alarms = CountAlarms(policy, direction, scored, out, out.ordinary);
  out.alarm_upper_bound = stats::BinomialUpperBound(out.alarms, out.ordinary, options.confidence);
  return out;
}

}  // namespace

Result<GuardRecord> Calibrate(const Guard& guard, const std::vector<CalibrationRow>& rows, const CalibrationOptions& options) {
  GuardRecord record = guard.record();
  if (std::none_of(rows.begin(), rows.end(), [](const CalibrationRow& row) { return row.direction == Direction::kInput; }))
    return Fail(Code::kInvalid, "calibration needs texts of direction input; the policy's calibration split has none");
  for (auto& [name, stack] : record.stacks) {
    stack.directions.clear();
    for (const Direction direction : {Direction::kInput, Direction::kOutput, Direction::kToolCall, Direction::kDocument, Direction::kToolResult}) {
      const bool any = std::any_of(rows.begin(), rows.end(), [&](const CalibrationRow& row) { return row.direction == direction; });
      std::optional<DirectionCalibration> borrowed;
      if (direction != Direction::kInput) borrowed = Borrowed(stack.directions.at(Direction::kInput), BudgetOf(guard.policy(), direction, options));
      if (!any) {
        const bool as_documents = direction == Direction::kToolResult && stack.groups.contains(HeadGroup(direction));
        stack.directions[direction] = as_documents ? AsDocuments(stack.directions.at(Direction::kDocument)) : *borrowed;
        continue;
      }
      PLUMB_TRY(const Scored scored, ScoreRows(guard, rows, direction, name));
      stack.directions[direction] = CalibrateDirection(guard, scored, direction, stack, options, borrowed ? &*borrowed : nullptr);
    }
  }
  return record;
}

Result<VerifyReport> Verify(const Guard& guard, const std::vector<CalibrationRow>& calibration, const std::vector<CalibrationRow>& test, const CalibrationOptions& options) {
  PLUMB_TRY(const GuardRecord again, Calibrate(guard, calibration, options));
  VerifyReport report;
  size_t claims = 0;
  for (const auto& [name, stack] : guard.record().stacks)
    for (const auto& [direction, one] : stack.directions) claims += 1 + one.clauses.size();
  const double confidence = 1 - 0.01 / static_cast<double>(std::max<size_t>(claims, 1));
  for (const auto& [name, stack] : guard.record().stacks) {
    if (stack.directions.empty()) return Fail(Code::kInvalid, "the guard has no thresholds yet: run 'plumb guard calibrate'");
    for (const auto& [direction, claimed] : stack.directions) {
      const std::string where(DirectionName(direction));
      for (const auto& [id, clause] : claimed.clauses) {
        const auto& fresh = again.stacks.at(name).directions.at(direction).clauses;
        const auto found = fresh.find(id);
        const double expected = found == fresh.end() ? 2 : found->second.threshold;
        if (std::abs(expected - clause.threshold) > 1e-6 || (found != fresh.end() && clause.calibrated && !found->second.calibrated))
          report.checks.push_back({name, where, id, false, fmt::format("threshold {:.6f}{}, calibration gives {:.6f}{}", clause.threshold, clause.calibrated ? " (calibrated)" : "", expected,
                                                                       found != fresh.end() && found->second.calibrated ? " (calibrated)" : "")});
      }
      PLUMB_TRY(const Scored scored, ScoreRows(guard, test, direction, name));
      if (scored.rows.empty()) continue;
      for (size_t c = 0; c < scored.clauses.size(); ++c) {
        const auto clause = claimed.clauses.find(scored.clauses[c]);
        if (clause == claimed.clauses.end()) continue;
        size_t n = 0, caught = 0;
        for (size_t i = 0; i < scored.rows.size(); ++i) {
          if (!IsPositive(*scored.rows[i], scored.clauses[c])) continue;
          ++n;
          caught += Sigmoid(scored.logits[i][c]) >= clause->second.threshold;
        }
        if (n == 0) continue;
        const double low = stats::BinomialLowerBound(caught, n, confidence), high = stats::BinomialUpperBound(caught, n, confidence);
        const bool holds = !clause->second.calibrated || high >= clause->second.catch_rate;
        report.checks.push_back({name, where, scored.clauses[c], holds,
                                 fmt::format("catches {} of {} [{:.3f}, {:.3f}], {} {:.2f}", caught, n, low, high, clause->second.calibrated ? "claims" : "aims at (uncalibrated)", clause->second.catch_rate)});
      }
      size_t ordinary = 0;
      const size_t alarms = CountAlarms(guard.policy(), direction, scored, claimed, ordinary);
      if (ordinary == 0) continue;
      const double low = stats::BinomialLowerBound(alarms, ordinary, confidence), high = stats::BinomialUpperBound(alarms, ordinary, confidence);
      report.checks.push_back({name, where, "false_alarm", !claimed.guaranteed || low <= claimed.budget,
                               fmt::format("alarms on {} of {} ordinary texts [{:.4f}, {:.4f}], {} {:.3f}", alarms, ordinary, low, high, claimed.guaranteed ? "claims at most" : "aims at (uncalibrated)", claimed.budget)});
    }
  }
  return report;
}

std::vector<std::string> Staleness(const GuardRecord& record, const policy::Policy& policy, Time now, int days) {
  std::vector<std::string> out;
  const std::string& when = record.calibrated.empty() ? record.created : record.calibrated;
  const auto set = ParseTime(when);
  if (!set)
    out.push_back("it is not known when the thresholds were set");
  else if (const auto age = std::chrono::floor<std::chrono::days>(now - *set); age.count() > days)
    out.push_back(fmt::format("the thresholds are {} days old, and {} are allowed", age.count(), days));
  if (record.policy_hash != policy.hash)
    out.push_back(fmt::format("the thresholds were set for policy {} {} ({}), this is {} {} ({})", record.policy_id, record.policy_version, record.policy_hash.substr(0, 12), policy.id, policy.version, policy.hash.substr(0, 12)));
  return out;
}

bool VerifyReport::holds() const {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.holds; });
}

Result<std::vector<CalibrationRow>> CalibrationRows(const policy::Policy& policy, policy::Split split, const std::vector<json::object>& extra) {
  std::vector<CalibrationRow> rows;
  for (const Direction direction : kDirections) {
    const bool input = direction == Direction::kInput;
    for (policy::Example& example : input ? policy::Examples(policy) : policy::ExamplesOf(policy, DirectionName(direction))) {
      if (example.split != split) continue;
      if (example.clause == policy::kOrdinary || (example.clause == "scope" && !example.violates))
        rows.push_back({std::move(example.text), std::string(policy::kOrdinary), false, direction, std::move(example.prompt)});
      else if (policy.FindCategory(example.clause))
        rows.push_back({std::move(example.text), example.clause, example.violates, direction, std::move(example.prompt)});
    }
  }
  for (size_t i = 0; i < extra.size(); ++i) {
    const auto parse = [&]() -> Result<CalibrationRow> {
      CalibrationRow row;
      PLUMB_TRY(row.clause, GetStringOr(extra[i], "clause", policy::kOrdinary));
      PLUMB_TRY(const std::string direction, GetStringOr(extra[i], "direction", "input"));
      PLUMB_TRY(row.direction, ParseDirection(direction));
      const json::string* violates = FindString(extra[i], "violates");
      const json::string* benign = nullptr;
      for (const char* key : {"allows", "text", "prompt"})
        if (benign == nullptr) benign = FindString(extra[i], key);
      if (violates == nullptr && benign == nullptr) return Fail(Code::kInvalid, "needs one of 'violates', 'allows', 'text', 'prompt'");
      row.violates = violates != nullptr;
      row.text = std::string(violates ? *violates : *benign);
      if (const json::string* prompt = FindString(extra[i], "prompt"); prompt && prompt != benign) row.prompt = std::string(*prompt);
      if (row.clause != policy::kOrdinary && !policy.FindCategory(row.clause)) return Fail(Code::kInvalid, "clause '{}' is not a category of the policy", row.clause);
      return row;
    }();
    if (!parse) return std::unexpected(Context(parse.error(), fmt::format("calibration row {}", i + 1)));
    rows.push_back(*parse);
  }
  return rows;
}

}  // namespace plumb::guard
