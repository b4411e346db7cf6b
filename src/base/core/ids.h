// Identifiers that sort by time and do not collide.
#pragma once

#include <string>
#include <string_view>

#include "base/core/clock.h"

namespace plumb {

// prefix + "_" + a ULID (48 bits of milliseconds, 80 random bits; Crockford base 32): "exc_01JD7…". Thread-safe.
std::string NewId(std::string_view prefix, Time now);

}  // namespace plumb
