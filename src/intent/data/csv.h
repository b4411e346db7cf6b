// Comma-separated values as RFC 4180 has them: quoted fields with commas, line breaks and doubled quotes; a byte order
// mark and either kind of line end are accepted.
#pragma once

#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::data {

// All records, the header too. Errors: kInvalid (a quote never closed, text after a closing quote, not UTF-8).
Result<std::vector<std::vector<std::string>>> ParseCsv(std::string_view text, const std::string& name,
                                                       char separator = ',');

// Records as objects by the names of the first one. Error: kInvalid where a record's length differs.
Result<std::vector<json::object>> ParseCsvRows(std::string_view text, const std::string& name);

}  // namespace plumb::data
