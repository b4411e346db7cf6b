// When did a rate change? A series of counts, cut where a change explains it better than chance.
#pragma once

#include <cstddef>
#include <vector>

namespace plumb::stats {

struct Count {
  double hits = 0, n = 0;  // n may be an effective number and need not be whole
};

// Places where the rate changed: indices into `series`, ascending, each the first count of a new segment. Killick, Fearnhead
// and Eckley 2012 (PELT): the exact minimum, over all ways to cut the series, of
//
//     Σ over segments of -2 log likelihood (binomial, one rate for a segment)  +  penalty × number of changes.
//
// Counts with n = 0 say nothing and begin no segment.
std::vector<size_t> ChangePoints(const std::vector<Count>& series, double penalty);

// The penalty of the Bayesian information criterion: a change adds a rate, which costs the logarithm of all cases, and a
// place, which costs the logarithm of the number of counts.
double BicPenalty(const std::vector<Count>& series);

}  // namespace plumb::stats
