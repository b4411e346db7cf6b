// How far those who label agree, beyond chance.
#pragma once

#include <optional>
#include <vector>

namespace plumb::stats {

// Cohen's kappa of two raters over the same items (any set of integer labels). NaN where chance agreement is 1.
double CohenKappa(const std::vector<int>& a, const std::vector<int>& b);

// Fleiss' kappa (1971): counts[item][category], how many raters put the item there; every item has the same number of
// raters, at least two. NaN where chance agreement is 1 or the counts are not of that shape.
double FleissKappa(const std::vector<std::vector<int>>& counts);

enum class Level { kNominal, kOrdinal, kInterval };

// Krippendorff's alpha: ratings[item][rater], missing where a rater did not see the item. NaN without two ratings of
// at least one item, or where only one value was ever used.
double KrippendorffAlpha(const std::vector<std::vector<std::optional<double>>>& ratings, Level level);

}  // namespace plumb::stats
