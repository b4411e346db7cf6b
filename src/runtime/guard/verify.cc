#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/stats/risk_control.h"
#include "runtime/guard/calibrate.h"
#include "runtime/guard/cascade.h"
#include "runtime/guard/scored_rows.h"

namespace plumb::guard {
namespace {

// Where the claims of one direction are held against texts.
struct Place {
  std::string stack, direction;
  const DirectionCalibration& claimed;
};

// The thresholds are those that calibration gives again.
void CompareThresholds(const Place& at, const DirectionCalibration& again, VerifyReport& report) {
  for (const auto& [id, clause] : at.claimed.clauses) {
    const auto found = again.clauses.find(id);
    const double expected = found == again.clauses.end() ? 2 : found->second.threshold;
    const bool now = found != again.clauses.end() && found->second.calibrated;
    if (std::abs(expected - clause.threshold) <= 1e-6 && (!clause.calibrated || now)) continue;
    report.checks.push_back({at.stack, at.direction, id, false,
                             fmt::format("threshold {:.6f}{}, calibration gives {:.6f}{}", clause.threshold, clause.calibrated ? " (calibrated)" : "", expected, now ? " (calibrated)" : "")});
  }
}

// No claimed rate is refuted by fresh texts.
void TestRates(const Place& at, const policy::Policy& policy, Direction direction, const Scored& scored, double confidence, VerifyReport& report) {
  for (size_t c = 0; c < scored.clauses.size(); ++c) {
    const auto clause = at.claimed.clauses.find(scored.clauses[c]);
    if (clause == at.claimed.clauses.end()) continue;
    size_t n = 0, caught = 0;
    for (size_t i = 0; i < scored.rows.size(); ++i) {
      if (!IsPositive(*scored.rows[i], scored.clauses[c])) continue;
      ++n;
      caught += Sigmoid(scored.logits[i][c]) >= clause->second.threshold;
    }
    if (n == 0) continue;
    const double low = stats::BinomialLowerBound(caught, n, confidence), high = stats::BinomialUpperBound(caught, n, confidence);
    const bool holds = !clause->second.calibrated || high >= clause->second.catch_rate;
    report.checks.push_back({at.stack, at.direction, scored.clauses[c], holds,
                             fmt::format("catches {} of {} [{:.3f}, {:.3f}], {} {:.2f}", caught, n, low, high, clause->second.calibrated ? "claims" : "aims at (uncalibrated)", clause->second.catch_rate)});
  }
  const AlarmCount count = CountAlarms(policy, direction, scored, at.claimed);
  if (count.ordinary == 0) return;
  const double low = stats::BinomialLowerBound(count.alarms, count.ordinary, confidence), high = stats::BinomialUpperBound(count.alarms, count.ordinary, confidence);
  report.checks.push_back({at.stack, at.direction, "false_alarm", !at.claimed.guaranteed || low <= at.claimed.budget,
                           fmt::format("alarms on {} of {} ordinary texts [{:.4f}, {:.4f}], {} {:.3f}", count.alarms, count.ordinary, low, high,
                                       at.claimed.guaranteed ? "claims at most" : "aims at (uncalibrated)", at.claimed.budget)});
}

}  // namespace

Result<VerifyReport> Verify(const Guard& guard, const std::vector<CalibrationRow>& calibration, const std::vector<CalibrationRow>& test, CalibrationOptions options) {
  size_t claims = 0;
  options.joint = false;
  for (const auto& [name, stack] : guard.record().stacks)
    for (const auto& [direction, one] : stack.directions) {
      claims += 1 + one.clauses.size();
      options.joint |= one.joint;  // as it was calibrated
    }
  PLUMB_TRY(const GuardRecord again, Calibrate(guard, calibration, options));
  VerifyReport report;
  const double confidence = 1 - 0.01 / static_cast<double>(std::max<size_t>(claims, 1));
  for (const auto& [name, stack] : guard.record().stacks) {
    if (stack.directions.empty()) return Fail(Code::kInvalid, "the guard has no thresholds yet: run 'plumb guard calibrate'");
    for (const auto& [direction, claimed] : stack.directions) {
      const Place at{name, std::string(DirectionName(direction)), claimed};
      CompareThresholds(at, again.stacks.at(name).directions.at(direction), report);
      // What was set on traffic is claimed of traffic, and not of the policy's texts.
      if (claimed.least_probability > 0) continue;
      PLUMB_TRY(const Scored scored, ScoreRows(guard, test, direction, name));
      if (!scored.rows.empty()) TestRates(at, guard.policy(), direction, scored, confidence, report);
    }
  }
  return report;
}

std::vector<Stale> Staleness(const GuardRecord& record, const policy::Policy& policy, Time now, int days) {
  std::vector<Stale> out;
  const std::string& when = record.calibrated.empty() ? record.created : record.calibrated;
  const auto set = ParseTime(when);
  if (!set)
    out.push_back({"age", "it is not known when the thresholds were set"});
  else if (const auto age = std::chrono::floor<std::chrono::days>(now - *set); age.count() > days)
    out.push_back({"age", fmt::format("the thresholds are {} days old, and {} are allowed", age.count(), days)});
  if (record.policy_hash != policy.hash)
    out.push_back({"policy", fmt::format("the thresholds were set for policy {} {} ({}), this is {} {} ({})", record.policy_id, record.policy_version, record.policy_hash.substr(0, 12), policy.id, policy.version, policy.hash.substr(0, 12))});
  if (const std::string is = DetectorHash(record); !record.calibrated_with.empty() && is != record.calibrated_with)
    out.push_back({"detectors", fmt::format("the thresholds were set with other detectors or joining weights ({}, these are {})", record.calibrated_with.substr(0, 12), is.substr(0, 12))});
  return out;
}

bool VerifyReport::holds() const {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.holds; });
}

}  // namespace plumb::guard
