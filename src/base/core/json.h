// JSON in and out (Boost.JSON underneath): errors with line and column, canonical form, one object a line.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/files.h"
#include "base/core/result.h"

namespace plumb {

namespace json = boost::json;

// Parses one JSON document of valid UTF-8. `name` stands in errors: "name:line:column". Depth is limited to 64.
// Error: kInvalid.
Result<json::value> ParseJson(std::string_view text, std::string_view name = "JSON");
Result<json::value> ReadJson(const fs::path& path);

// RFC 8785: keys sorted by UTF-16 code units, ECMAScript numbers, shortest escapes. Integers beyond ±2^53 cannot be
// represented and must be given as strings. Error: kInvalid (NaN, infinity, too large an integer, text not UTF-8).
Result<std::string> CanonicalJson(const json::value& value);

// Compact and indented text, keys in their own order.
std::string ToJson(const json::value& value);
std::string ToPrettyJson(const json::value& value);

// One object a line; blank lines are skipped; "-" is standard input. Every error names file and line; a line that is
// not an object is an error. Errors: kNotFound, kInvalid.
Result<std::vector<json::object>> ReadJsonl(const fs::path& path);
Result<std::vector<json::object>> ParseJsonl(std::string_view text, std::string_view name);
// Writes the whole file atomically.
Status WriteJsonl(const fs::path& path, const std::vector<json::object>& rows);

// Fields of an object. Get… fail with kInvalid where the field is missing or of another type, naming it; …Or return
// the fallback where it is missing or null, and fail where it has another type.
Result<std::string> GetString(const json::object& object, std::string_view key);
Result<double> GetNumber(const json::object& object, std::string_view key);
Result<int64_t> GetInt(const json::object& object, std::string_view key);
Result<std::string> GetStringOr(const json::object& object, std::string_view key, std::string_view fallback);
Result<double> GetNumberOr(const json::object& object, std::string_view key, double fallback);
Result<int64_t> GetIntOr(const json::object& object, std::string_view key, int64_t fallback);
Result<bool> GetBoolOr(const json::object& object, std::string_view key, bool fallback);

// Borrowed views for reading: nullptr where the field is missing or of another type.
const json::object* FindObject(const json::object& object, std::string_view key);
const json::array* FindArray(const json::object& object, std::string_view key);
const json::string* FindString(const json::object& object, std::string_view key);

}  // namespace plumb
