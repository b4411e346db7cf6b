// Shadow policies: what another policy and guard would have done to an exchange, recorded and never enforced. Private to
// this room.
//
// A shadow is asked after the answer was given, on a thread of its own: it delays nobody, and what fails in it changes
// nothing. When more wait than kMostShadows, further ones are dropped and counted. Each is a ledger entry of kind
// "shadow" under the shadow's policy hash, without texts.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>

#include "runtime/gateway/overlay.h"
#include "runtime/gateway/surface.h"

namespace plumb::gateway {

struct Turn;

inline constexpr size_t kMostShadows = 256;

// Part of the Service.
struct ShadowWork {
  boost::asio::thread_pool threads{1};
  size_t waiting = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  ~ShadowWork() {
    *alive = false;
    threads.join();
  }
};

// What there is to judge of one exchange.
struct ShadowCase {
  std::string exchange;
  json::array messages;
  json::object extra;              // of the request: tools, documents
  Answer said;                     // by the model; no choices where it was not asked
  std::string policy, action, clause;  // in force: its hash, and what was done
};
struct ShadowVerdict {
  std::optional<guard::Verdict> input, output;  // the strictest of each direction
  guard::Action action = guard::Action::kAllow;
  std::string clause;
};

// What `stance` says of it, rules included. Blocks on the guard.
ShadowVerdict JudgeShadow(const Stance& stance, const ShadowCase& seen);
json::object ShadowEntry(const Stance& stance, const ShadowCase& seen, const ShadowVerdict& verdict);

// After the answer: asks every shadow of the turn's route.
void LaunchShadows(Turn& turn);

}  // namespace plumb::gateway
