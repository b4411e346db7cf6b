// The thresholds of one direction under one stack. Private to this room.
#pragma once

#include "runtime/guard/calibrate.h"
#include "runtime/guard/scored_rows.h"

namespace plumb::guard {

// `least_probability`: of reviewed rows, else 0. Where there are too few ordinary texts for the budget's guarantee, thresholds
// stay at least as high as `borrowed`, if any.
DirectionCalibration CalibrateDirection(const policy::Policy& policy, const Scored& scored, Direction direction, const Stack& stack, double least_probability, double budget,
                                        const CalibrationOptions& options, const DirectionCalibration* borrowed);

// The log-odds of a threshold, which may lie beyond every score.
double LogOddsOf(double threshold);

}  // namespace plumb::guard
