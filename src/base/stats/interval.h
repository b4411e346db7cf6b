// An estimate and the range it is believed to lie in.
#pragma once

namespace plumb::stats {

struct Interval {
  double estimate = 0;
  double low = 0;
  double high = 0;
};

}  // namespace plumb::stats
