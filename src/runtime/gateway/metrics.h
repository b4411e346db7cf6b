// What /metrics tells Prometheus. Names carry units; labels never carry ids or texts.
#pragma once

#include <memory>
#include <string>

#include "runtime/gateway/exchange.h"

namespace plumb::gateway {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  void CountRequest(const std::string& route, int status, double seconds);
  void CountExchange(const Exchange& exchange);
  void ObserveGuard(const std::string& direction, double seconds);
  void ObserveLedger(double seconds);
  void SetLm(const std::string& process, bool up, int starts);
  // The Prometheus text format.
  std::string Text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plumb::gateway
