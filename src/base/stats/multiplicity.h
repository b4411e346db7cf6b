// Many tests at once.
#pragma once

#include <vector>

namespace plumb::stats {

// Adjusted p-values, in the order given; compare them with alpha. Holm (1979) bounds the chance of any false alarm,
// Benjamini–Hochberg (1995) the expected share of false ones among those found.
std::vector<double> HolmAdjust(const std::vector<double>& p);
std::vector<double> BenjaminiHochbergAdjust(const std::vector<double>& p);

}  // namespace plumb::stats
