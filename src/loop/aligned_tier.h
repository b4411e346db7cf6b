// The last tier of the guard that a turn leaves: the model it has just aligned, asked about requests that the guard lets pass with
// doubts (runtime/guard/aligned.h). Here its weight and threshold are chosen on the policy's calibration split, which trained
// nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "loop/strength.h"

namespace plumb::loop {

// One prompt of the calibration split as the guard and the aligned model see it.
struct Leaning {
  Trial trial;
  double unsafe = 0;     // the guard's log-odds
  bool stopped = false;  // by the guard without the tier
  double refuses = 0;    // ln p(opening), where it was asked: not of what was stopped, nor below kLowest
};

// Below these log-odds nothing is asked: few harmful requests are there, and everyday ones are many.
inline constexpr double kLowest = -4;

struct AlignedPoint {
  double weight = 0;
  double threshold = 1;  // a probability; 1 where no point is allowed: the tier is of no use
  Rates rates;           // guard and tier together
};

// The weight and threshold that refuse most of the violating prompts while look-alikes refused stay within `over_refusal` and
// everyday prompts within `ordinary`. Of the latter (alarms + 1) / (n + 1) counts, so that a prompt like those of the split
// is refused with at most that probability (conformal risk control, Angelopoulos et al. 2022), but for the choice of the weight
// on the same prompts. The higher threshold, then the smaller weight, of equals.
AlignedPoint PickAligned(const std::vector<Leaning>& leanings, double over_refusal, double ordinary);

}  // namespace plumb::loop
