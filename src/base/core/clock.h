// Time is an argument: code that needs it takes a Clock, so that runs can be repeated and tested.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/core/result.h"

namespace plumb {

using Time = std::chrono::system_clock::time_point;  // UTC

// Returns the present. May be called from any thread.
using Clock = std::function<Time()>;

// The machine's clock.
Clock SystemClock();

// RFC 3339 in UTC with milliseconds: "2026-11-21T09:30:00.125Z".
std::string FormatTime(Time time);
// Parses what FormatTime writes, and offsets. Error: kInvalid.
Result<Time> ParseTime(std::string_view text);
// "90s", "15m", "36h", "5d", "2w" → seconds. Error: kInvalid, with the forms that are understood.
Result<std::chrono::seconds> ParseDuration(std::string_view text);
// "2 min 05 s", for progress lines.
std::string HumanDuration(double seconds);

}  // namespace plumb
