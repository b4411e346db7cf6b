// Which arm of a split a request belongs to (policy: routes, `split`).
#pragma once

#include <string_view>

#include "intent/policy/policy.h"

namespace plumb::gateway {

struct SplitSubject {
  std::string_view user, key, exchange;
};

// The arm, or nullptr where the route does not split. By SHA-256 of the split's name and the subject: the same subject
// always meets the same arm, on every replica, and other splits deal it anew. A request without the subject that the
// split asks for is dealt by its exchange. When weights change, only as much of the traffic moves as must.
const policy::Arm* ChooseArm(const policy::Experiment& split, const SplitSubject& subject);

}  // namespace plumb::gateway
