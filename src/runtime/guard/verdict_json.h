// A verdict as JSON where every microsecond counts.
#pragma once

#include "runtime/guard/guard.h"

namespace plumb::guard {

// As VerdictJson, built in `memory`.
json::object VerdictJsonIn(json::storage_ptr memory, const Verdict& verdict);

}  // namespace plumb::guard
