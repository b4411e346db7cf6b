// JSON where every microsecond counts: values in memory of the caller's, text without values.
#pragma once

#include <string>
#include <string_view>

#include "base/core/json.h"

namespace plumb {

// As ParseJson; the value is built in `memory` (a json::monotonic_resource, say), which must outlive it and all copies
// that are made of its parts by construction: Boost.JSON's copies share their original's memory.
Result<json::value> ParseJsonIn(json::storage_ptr memory, std::string_view text, std::string_view name);

// Appends a JSON string. `text` must be UTF-8.
void AppendJsonString(std::string_view text, std::string& out);

}  // namespace plumb
