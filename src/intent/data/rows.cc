#include "intent/data/rows.h"

namespace plumb::data {

Status EachRow(
    std::string_view text, std::string_view name,
    const std::function<Status(const json::object& row, const std::string& where)>& row) {
  size_t line = 0;
  for (std::string_view part : Split(text, '\n')) {
    ++line;
    if (Trim(part).empty()) continue;
    const std::string where = fmt::format("{}:{}", name, line);
    PLUMB_TRY(const json::value value, ParseJson(part, where));
    if (!value.is_object()) return FailAt(where, Code::kInvalid, "a row must be a JSON object");
    Status taken = row(value.get_object(), where);
    if (taken) continue;
    if (!taken.error().where.empty()) return taken;
    return FailAt(where, taken.error().code, "{}", taken.error().message);
  }
  return {};
}

}  // namespace plumb::data
