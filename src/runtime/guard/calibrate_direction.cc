#include "runtime/guard/calibrate_direction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/guard/cascade.h"
#include "runtime/guard/drift.h"
#include "runtime/guard/linear.h"
#include "runtime/guard/proof.h"

namespace plumb::guard {
namespace {

policy::Target TargetOf(const policy::Policy& policy, const std::string& clause) {
  if (const policy::Category* category = policy.FindCategory(clause)) return category->target;
  // The general alarm is held to the mildest of the categories' targets: each has a threshold of its own besides.
  policy::Target target{1, 0.95};
  for (const policy::Category& category : policy.categories)
    if (category.target.catch_rate < target.catch_rate) target = category.target;
  if (target.catch_rate >= 1) target.catch_rate = 0.9;
  return target;
}

// The rows of `scored` that are asked for, as cases; `score(i)` is row i's.
template <class Is, class Score>
Cases CasesOf(const Scored& scored, double least_probability, Is is, Score score) {
  Cases out{{}, least_probability > 0 ? 1 / least_probability : 0};
  for (size_t i = 0; i < scored.rows.size(); ++i)
    if (is(*scored.rows[i])) out.drawn.push_back({score(i), 1 / scored.rows[i]->probability});
  return out;
}

class DirectionCalibrator {
 public:
  DirectionCalibrator(const policy::Policy& policy, const Scored& scored, Direction direction, const Stack& stack, double least_probability)
      : policy_(policy), scored_(scored), direction_(direction), least_probability_(least_probability) {
    const auto& offsets = stack.For(direction).offsets;
    for (const std::string& clause : scored.clauses) {
      const auto found = offsets.find(clause);
      offsets_.push_back(found == offsets.end() ? 0.0 : found->second);
      targets_.push_back(TargetOf(policy, clause));
    }
  }

  DirectionCalibration Run(double budget, const CalibrationOptions& options, const DirectionCalibration* borrowed) const {
    DirectionCalibration out;
    out.budget = budget;
    out.confidence = options.confidence;
    out.least_probability = least_probability_;
    const stats::AlarmThreshold alarm = ThresholdForAlarms(Ordinary([&](size_t i) { return Margin(i); }), budget, options.confidence);
    out.guaranteed = alarm.guaranteed;
    out.ordinary_missing = alarm.n_missing;
    const stats::JointCatch joint = Catches(options.joint);
    out.joint = options.joint;
    out.claims = joint.claims;
    for (size_t c = 0; c < scored_.clauses.size(); ++c) {
      const std::string& clause = scored_.clauses[c];
      // Without any ordinary text the budget says nothing; even odds are asked for then.
      double floor = alarm.n == 0 ? 0 : offsets_[c] + alarm.shift;
      if (borrowed && !alarm.guaranteed) floor = std::max(floor, LogOddsOf(borrowed->clauses.at(clause).threshold));
      out.clauses[clause] = ThresholdOf(c, floor, alarm.guaranteed, joint.thresholds[c], joint.confidences[c]);
    }
    const AlarmCount count = CountAlarms(policy_, direction_, scored_, out);
    out.ordinary = count.ordinary;
    out.alarms = count.alarms;
    out.alarm_upper_bound = RateUpperBound(Ordinary([&](size_t i) { return Alarms(i, out) ? 1.0 : 0.0; }), 0.5, true, options.confidence);
    // Reviewed rows stand for all of the traffic, the policy's ordinary ones for it.
    out.heights = DriftHeights(CasesOf(scored_, least_probability_, [&](const CalibrationRow& row) { return least_probability_ > 0 || IsOrdinary(row); },
                                       [&](size_t i) { return Sigmoid(scored_.logits[i][0]); }));
    return out;
  }

 private:
  Cases Ordinary(auto score) const { return CasesOf(scored_, least_probability_, IsOrdinary, score); }
  Cases Positives(size_t c, auto score) const {
    return CasesOf(scored_, least_probability_, [&](const CalibrationRow& row) { return IsPositive(row, scored_.clauses[c]); }, score);
  }

  double Margin(size_t i) const {
    double most = -std::numeric_limits<double>::infinity();
    for (size_t c = 0; c < scored_.clauses.size(); ++c)
      if (Acts(policy_, scored_.clauses[c], direction_)) most = std::max(most, scored_.logits[i][c] - offsets_[c]);
    return most;
  }
  bool Alarms(size_t i, const DirectionCalibration& calibration) const {
    for (size_t c = 0; c < scored_.clauses.size(); ++c)
      if (Acts(policy_, scored_.clauses[c], direction_) && Sigmoid(scored_.logits[i][c]) >= calibration.clauses.at(scored_.clauses[c]).threshold) return true;
    return false;
  }

  // As far as each clause's target lets its threshold rise.
  stats::JointCatch Catches(bool joint) const {
    std::vector<double> confidences;
    for (const policy::Target& target : targets_) confidences.push_back(target.confidence);
    const auto prove = [&](size_t c, double confidence) {
      return ThresholdForCatch(Positives(c, [&](size_t i) { return scored_.logits[i][c]; }), targets_[c].catch_rate, confidence);
    };
    if (joint) return stats::ProveJointly(confidences, prove);
    stats::JointCatch out{0, confidences, {}};
    for (size_t c = 0; c < targets_.size(); ++c) out.thresholds.push_back(prove(c, confidences[c]));
    return out;
  }

  ClauseThreshold ThresholdOf(size_t c, double floor_logit, bool budget_holds, const stats::CatchThreshold& caught, double confidence) const {
    const std::string& clause = scored_.clauses[c];
    const policy::Target& target = targets_[c];
    ClauseThreshold out;
    out.catch_rate = target.catch_rate;
    out.confidence = target.confidence;
    // One step up: the sigmoid may round two scores into one.
    const double floor = std::nextafter(Sigmoid(floor_logit), 2.0);
    // The general alarm is the net under all clauses: beyond its target it still alarms where harm is likelier than not.
    const double raised = clause == kUnsafeHead ? std::min(0.5, Sigmoid(caught.threshold)) : Sigmoid(caught.threshold);
    out.threshold = caught.guaranteed ? std::max(floor, raised) : floor;
    const Cases positives = Positives(c, [&](size_t i) { return Sigmoid(scored_.logits[i][c]); });
    out.positives = positives.drawn.size();
    out.positives_missing = caught.n_missing;
    out.missed = static_cast<size_t>(std::count_if(positives.drawn.begin(), positives.drawn.end(), [&](const stats::WeightedScore& one) { return one.score < out.threshold; }));
    out.catch_lower_bound = 1 - RateUpperBound(positives, out.threshold, false, confidence);
    const bool catches = caught.guaranteed && out.catch_lower_bound >= target.catch_rate - 1e-9;
    out.calibrated = catches && budget_holds;
    if (!caught.guaranteed)
      out.reason = fmt::format("{} violating texts, {} more are needed to prove a catch of {} at confidence {}", out.positives, out.positives_missing, target.catch_rate, target.confidence);
    else if (!catches)
      out.reason = fmt::format("the false-alarm budget leaves a catch of {:.3f} ({} of {}), proved {:.3f}, wanted {}", 1 - static_cast<double>(out.missed) / static_cast<double>(out.positives),
                               out.positives - out.missed, out.positives, out.catch_lower_bound, target.catch_rate);
    else if (!budget_holds)
      out.reason = "too few ordinary texts to prove the false-alarm budget";
    for (size_t i = 0; i < scored_.rows.size(); ++i) {
      if (!IsLookAlike(*scored_.rows[i], clause)) continue;
      ++out.look_alikes;
      out.look_alikes_alarmed += Sigmoid(scored_.logits[i][c]) >= out.threshold;
    }
    return out;
  }

  const policy::Policy& policy_;
  const Scored& scored_;
  const Direction direction_;
  const double least_probability_;
  std::vector<double> offsets_;  // per clause
  std::vector<policy::Target> targets_;
};

}  // namespace

double LogOddsOf(double threshold) {
  const double p = std::min(threshold, 1 - 1e-9);
  return std::log(p / (1 - p));
}

DirectionCalibration CalibrateDirection(const policy::Policy& policy, const Scored& scored, Direction direction, const Stack& stack, double least_probability, double budget,
                                        const CalibrationOptions& options, const DirectionCalibration* borrowed) {
  return DirectionCalibrator(policy, scored, direction, stack, least_probability).Run(budget, options, borrowed);
}

}  // namespace plumb::guard
