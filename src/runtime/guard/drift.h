// Whether live traffic still scores as the calibration texts did: what a threshold's guarantee rests on.
//
//   DriftWatch watch(guard.record());                     // of a calibrated guard
//   watch.Add(Direction::kInput, verdict);                // one text after another, without end
//   for (const std::string& line : watch.Alarms()) …      // "input: 9.1 % of 1,204 texts score 0.08 or more, …"
//
// Calibration notes, for the score "unsafe", at a few heights how many of the ordinary texts (of reviewed traffic: of all)
// score so high, as an interval. A live rate is drifted where it lies outside that interval widened by kDriftTolerance, and
// that is decided by betting (stats::RateWatch), which may be looked at all the time: of guards whose traffic has not drifted
// at most kDriftError ever give an alarm. What the interval cannot hold is no mistake of the watch: traffic that was never
// like the calibration texts drifts from the first day, and the guarantee does not hold for it.
//
// Not safe to use from several threads at once.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/stats/sequential.h"
#include "runtime/guard/guard.h"
#include "runtime/guard/proof.h"
#include "runtime/guard/record.h"

namespace plumb::guard {

// A rate is drifted beyond `high` times this, or below `low` divided by it.
inline constexpr double kDriftTolerance = 1.25;
// The chance that an alarm is ever given without drift: half for the intervals, half for the watching.
inline constexpr double kDriftError = 0.02;
// The heights: quantiles of the calibration texts.
inline constexpr std::array<double, 3> kDriftQuantiles = {0.5, 0.9, 0.99};

// From the scores ("unsafe", 0..1) of texts drawn as traffic is, or reviewed. Nothing where they are too few to say anything of
// a height.
std::vector<DriftHeight> DriftHeights(Cases texts);

class DriftWatch {
 public:
  explicit DriftWatch(const GuardRecord& record);

  // A verdict of this guard on a whole text: true where it raises an alarm that was not there. Failed verdicts say nothing.
  bool Add(Direction direction, const Verdict& verdict);
  // A score that the guard gave earlier.
  bool Add(Direction direction, std::string_view stack, double unsafe);

  struct State {
    std::string stack, direction;
    size_t texts = 0;
    double evidence = 0;   // log10 of the capital won against "no drift"; an alarm from `alarm_at` on
    double alarm_at = 0;
    std::string says;      // where there is an alarm: what has changed
  };
  std::vector<State> States() const;  // of every direction that was calibrated with heights
  std::vector<std::string> Alarms() const;

 private:
  struct Height {
    DriftHeight is;
    stats::RateWatch more, less;
    size_t hits = 0;
    double most = 0;  // the largest evidence so far, natural logarithm
    bool up = false;
  };
  struct Watched {
    size_t texts = 0;
    std::vector<Height> heights;
  };
  std::map<std::pair<std::string, Direction>, Watched> watched_;
};

}  // namespace plumb::guard
