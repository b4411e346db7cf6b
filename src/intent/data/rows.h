// Rows of a JSON Lines file, each with its place.
#pragma once

#include <functional>
#include <string_view>

#include "base/core/core.h"

namespace plumb::data {

// Calls `row` with every object and its "file:line"; blank lines are skipped. Ends at the first
// error: a line that is no object (kInvalid), or what `row` says; either carries the place.
Status EachRow(std::string_view text, std::string_view name,
               const std::function<Status(const json::object& row, const std::string& where)>& row);

}  // namespace plumb::data
