// Whether a target is asked at all: a circuit breaker, and a budget for asking it again.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string_view>

#include "runtime/provider/retry.h"

namespace plumb::provider {

using SteadyTime = std::chrono::steady_clock::time_point;

struct BreakerPolicy {
  int in_a_row = 5;       // failures that open it, or
  double share = 0.5;     // this share of failures among
  int at_least = 10;      // so many attempts
  Millis window{30'000};  // within this time
  Millis open{10'000};    // how long it then stays open
};

// Closed: every request may go. Open: none. Half-open: one probe may go; its success closes, its failure opens again.
// The probe is a request like any other: a target that still fails costs that one request a failover, and nobody is asked
// for answers that nobody wants. Used from one thread.
class Breaker {
 public:
  enum class State { kClosed, kOpen, kHalfOpen };

  explicit Breaker(BreakerPolicy policy = {}) : policy_(policy) {}

  State state(SteadyTime now) const;
  // Whether a request may go now. In the half-open state this takes the one probe: say how it ended.
  bool Admit(SteadyTime now);
  void Succeeded(SteadyTime now);
  void Failed(SteadyTime now);
  // It ended without telling anything about the target: the caller's fault, or it left.
  void Abandoned();
  // How often it has opened so far.
  int opened() const { return opened_; }

 private:
  void Open(SteadyTime now);
  void Count(SteadyTime now, bool failed);

  BreakerPolicy policy_;
  bool open_ = false, probing_ = false;
  SteadyTime until_;
  int in_a_row_ = 0, opened_ = 0;
  std::deque<std::pair<SteadyTime, bool>> recent_;  // (when, failed)
};
std::string_view BreakerStateName(Breaker::State state);

// Retries may be a tenth of all requests, and a few more: what fails everywhere is not asked for several times over.
class RetryBudget {
 public:
  explicit RetryBudget(double share = 0.1, double reserve = 10) : share_(share), reserve_(reserve), left_(reserve) {}

  void CountRequest() { left_ = std::min(left_ + share_, reserve_); }
  // Whether one more retry may be made; takes it.
  bool Take() {
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  double share_, reserve_, left_;
};

// What is known of one target by all who ask it.
struct TargetHealth {
  Breaker breaker;
  RetryBudget retries;
  SteadyTime not_before;  // what its last Retry-After asked for
};

}  // namespace plumb::provider
