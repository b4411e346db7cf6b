// What importers of rows have in common: columns by the names they go by, and suite rows. Private to this room.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "intent/data/importers.h"

namespace plumb::data {

// The first of several names a column goes by in the wild. Error: kInvalid, naming them.
Result<std::string> Column(const Source& source, std::initializer_list<std::string_view> names);
// "" where it is missing.
std::string OptionalColumn(const Source& source, std::initializer_list<std::string_view> names);
template <class... Args>
std::unexpected<Error> FailInRow(const Source& source, fmt::format_string<Args...> format, Args&&... args) {
  return FailAt(fmt::format("{}: row {}", source.name, source.index + 1), Code::kInvalid, "{}", fmt::format(format, std::forward<Args>(args)...));
}

// A case that asks; one that lets choose, with the right one by its index.
json::object AskRow(std::string_view prompt, std::string_view expect, std::string_view kind, std::string_view id = "");
json::object ChooseRow(std::string_view prompt, json::array choices, int64_t answer, std::string_view kind);

Result<json::object> ReadBbq(const Source& source);        // importers_bias.cc
Result<json::object> ReadHateCheck(const Source& source);  // importers_bias.cc
Result<json::object> ReadHumanEval(const Source& source);  // importers_code.cc
Result<json::object> ReadMbpp(const Source& source);       // importers_code.cc

}  // namespace plumb::data
