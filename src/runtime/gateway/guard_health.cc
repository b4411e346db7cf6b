#include "runtime/gateway/guard_health.h"

namespace plumb::gateway {

std::string GuardHealth::Count(const InForce& force, const Exchange& exchange) {
  if (!watch_ || guard_id_ != force.guard_id) {
    watch_.emplace(force.guard().record());
    guard_id_ = force.guard_id;
    alarmed_ = false;
  }
  bool raised = exchange.input && watch_->Add(guard::Direction::kInput, *exchange.input);
  // A stream is judged sentence by sentence: its scores are not a whole answer's.
  if (exchange.output && !exchange.stream) raised |= watch_->Add(guard::Direction::kOutput, *exchange.output);
  if (!raised || alarmed_) return "";
  alarmed_ = true;
  return watch_->Alarms().front();
}

std::vector<guard::Stale> GuardHealth::Staleness(const InForce& force, Time now) const {
  const guard::GuardRecord& record = force.guard().record();
  if (record.stacks.empty()) return {};  // patterns alone have no thresholds
  std::vector<guard::Stale> out = guard::Staleness(record, force.policy, now, guard::kFreshDays);
  if (watch_ && guard_id_ == force.guard_id)
    for (const std::string& alarm : watch_->Alarms()) out.push_back({"drift", alarm});
  return out;
}

std::vector<guard::DriftWatch::State> GuardHealth::Drift() const { return watch_ ? watch_->States() : std::vector<guard::DriftWatch::State>(); }

}  // namespace plumb::gateway
