// How long it takes from a find to the proof that it no longer works.
#pragma once

#include <optional>
#include <vector>

#include "evidence/finding/finding.h"

namespace plumb::finding {

struct Immunity {
  int64_t verified = 0;
  int64_t open = 0;                    // neither verified, rejected nor a duplicate
  std::optional<double> median_hours;  // Kaplan and Meier's: what is open counts for as long as it has been; none where half are not there yet
  double oldest_open_hours = 0;
};

// Erased findings count: what was reported is gone, the times are not.
Immunity ImmunityOf(const std::vector<Finding>& findings, Time now);

json::object ImmunityJson(const Immunity& immunity);

}  // namespace plumb::finding
