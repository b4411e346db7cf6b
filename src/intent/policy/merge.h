// How a policy inherits: `extends` and overlays lay one tree over another.
#pragma once

#include "intent/policy/node.h"

namespace plumb::policy {

// `over` laid over `base`: maps merge key by key, everything else replaces. A list under `+key` is added to the
// inherited list instead: an item with the `id` of an inherited item merges into it, any other is appended; routes are
// put in front, because the first match is taken. No key of the result begins with '+'. Laying the empty map over a
// tree, or a tree over itself, changes nothing.
Node MergeOver(const Node& base, const Node& over);

// Whether an overlay's `when` fits: every key it names has the value, or one of the values. A locale "de" fits "de-AT".
bool OverlayFits(const Node& when, const LoadOptions& options);

}  // namespace plumb::policy
