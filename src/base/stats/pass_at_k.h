// Several tries at each task: how often at least one of k succeeds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/stats/groups.h"
#include "base/stats/interval.h"

namespace plumb::stats {

// The chance that at least one of k tries passes, from n tries of which c did: 1 − C(n − c, k)/C(n, k), unbiased
// (Chen et al. 2021, arXiv:2107.03374, eq. 1). NaN where there are fewer than k tries.
double PassAtK(int64_t n, int64_t c, int64_t k);

// Its mean over tasks, each k of n (the tries that passed, and all), with a bootstrap over tasks (95 %).
Interval MeanPassAtK(const std::vector<Tally>& tasks, int64_t k);

}  // namespace plumb::stats
