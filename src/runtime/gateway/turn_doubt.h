// Who answers what the guard let pass with doubts (models: `in_doubt`).
#pragma once

#include "runtime/gateway/turn.h"

namespace plumb::gateway {

// After the input's verdict: where it left doubts, and the model asked for names another for them, that one answers. A
// route that only observes changes nothing.
void HandOnDoubtful(Turn& turn);

}  // namespace plumb::gateway
