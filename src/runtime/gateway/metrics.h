// What /metrics tells Prometheus. Names carry units; labels never carry ids or texts, and every label's values are
// bounded by the configuration, the policy or the code. Used on the gateway's thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/gateway/exchange.h"
#include "runtime/guard/calibrate.h"
#include "runtime/guard/drift.h"

namespace plumb::net {
struct OtlpStats;
}

namespace plumb::provider {
struct TargetHealth;
}

namespace plumb::gateway {

struct InForce;

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void CountRequest(std::string_view route, int status, double seconds);
  void CountExchange(const Exchange& exchange);
  void ObserveGuard(std::string_view direction, double seconds);
  void ObserveLedger(double seconds);
  // An exchange that the ledger could not take; `result`: served, refused.
  void CountUnrecorded(std::string_view result);
  // `result`: ok, refused, unchanged.
  void CountReload(std::string_view result);
  // `result`: agrees, differs, failed, dropped.
  void CountShadow(std::string_view policy, std::string_view result);
  // How many exchanges are on their way.
  void Begin();
  void End();

  // What is read off when somebody asks.
  void SetLm(std::string_view process, bool up, int starts);
  void SetInForce(const InForce& force, std::string_view version);
  void SetGuardHealth(const std::vector<guard::Stale>& stale, const std::vector<guard::DriftWatch::State>& drift);
  void SetBreakers(const std::map<std::string, std::shared_ptr<provider::TargetHealth>>& targets);
  void SetConnections(size_t open);
  void SetOtlp(const net::OtlpStats& stats);
  // The Prometheus text format.
  std::string Text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plumb::gateway
