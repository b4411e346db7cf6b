// An estimate and the range it is believed to lie in.
#pragma once

#include <limits>

namespace plumb::stats {

// What a figure is where there is nothing to take it from.
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Interval {
  double estimate = 0;
  double low = 0;
  double high = 0;
};

}  // namespace plumb::stats
