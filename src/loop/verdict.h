// The gate of a turn: do the measurements meet the policy's own targets?
#pragma once

#include <string>
#include <vector>

#include "intent/policy/policy.h"
#include "loop/report.h"

namespace plumb::loop {

// What failed, and what could not be told, in words; both empty where the gate is passed.
struct Verdict {
  std::vector<std::string> failed, unsure;
};

// `knows_capability`: the turn changed weights, so knowledge questions count too.
Verdict Judge(const std::vector<Measure>& measures, const policy::Policy& policy,
              bool knows_capability);

// The measure of that id, or nullptr.
const Measure* FindMeasure(const std::vector<Measure>& measures, std::string_view id);

}  // namespace plumb::loop
