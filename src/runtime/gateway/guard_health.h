// Whether the guard's thresholds still mean what they were set to mean: their age, policy and detectors, and whether live
// traffic scores as the calibration texts did (guard/drift.h). Private to this room; used on the gateway's thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/gateway/exchange.h"
#include "runtime/gateway/in_force.h"
#include "runtime/guard/calibrate.h"
#include "runtime/guard/drift.h"

namespace plumb::gateway {

class GuardHealth {
 public:
  // One exchange that was judged by the guard in force. Returns the alarm that it raised, the first of this guard's; else "".
  std::string Count(const InForce& force, const Exchange& exchange);

  std::vector<guard::Stale> Staleness(const InForce& force, Time now) const;
  std::vector<guard::DriftWatch::State> Drift() const;

 private:
  std::string guard_id_;  // whose traffic is watched
  std::optional<guard::DriftWatch> watch_;
  bool alarmed_ = false;
};

}  // namespace plumb::gateway
