#include "runtime/provider/breaker.h"

#include <algorithm>

namespace plumb::provider {

Breaker::State Breaker::state(SteadyTime now) const {
  if (!open_) return State::kClosed;
  return now < until_ ? State::kOpen : State::kHalfOpen;
}

bool Breaker::Admit(SteadyTime now) {
  if (!open_) return true;
  if (now < until_ || probing_) return false;
  probing_ = true;
  return true;
}

void Breaker::Count(SteadyTime now, bool failed) {
  while (!recent_.empty() && recent_.front().first < now - policy_.window) recent_.pop_front();
  // A share needs no more than this to be told.
  if (recent_.size() >= 1000) recent_.pop_front();
  recent_.emplace_back(now, failed);
}

void Breaker::Open(SteadyTime now) {
  open_ = true;
  probing_ = false;
  until_ = now + policy_.open;
  ++opened_;
}

void Breaker::Succeeded(SteadyTime now) {
  in_a_row_ = 0;
  if (open_) {
    open_ = probing_ = false;
    recent_.clear();
  }
  Count(now, false);
}

void Breaker::Failed(SteadyTime now) {
  ++in_a_row_;
  Count(now, true);
  if (open_) {
    // A probe's failure begins the wait anew; one that was asked past the breaker says nothing new.
    if (probing_) Open(now);
    return;
  }
  const auto failed = std::ranges::count_if(recent_, [](const auto& one) { return one.second; });
  const bool many = static_cast<int>(recent_.size()) >= policy_.at_least &&
                    static_cast<double>(failed) >= policy_.share * static_cast<double>(recent_.size());
  if (in_a_row_ >= policy_.in_a_row || many) Open(now);
}

void Breaker::Abandoned() { probing_ = false; }

std::string_view BreakerStateName(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed: return "closed";
    case Breaker::State::kOpen: return "open";
    case Breaker::State::kHalfOpen: return "half_open";
  }
  return "";
}

}  // namespace plumb::provider
