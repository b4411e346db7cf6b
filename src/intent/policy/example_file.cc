#include "intent/policy/example_file.h"

#include "intent/policy/check_parts.h"

namespace plumb::policy {
namespace {

const std::vector<std::string> kDirections = {"input", "output", "tool_call", "tool_result", "document"};

// What keeps `row` from being an example, or "".
std::string Fault(const json::object& row) {
  for (std::string_view key : {"clause", "violates", "allows", "kind", "group", "prompt", "direction"}) {
    const json::value* value = row.if_contains(key);
    if (value && !value->is_string()) return fmt::format("'{}' must be text", key);
    if (value && Trim(std::string_view(value->as_string())).empty()) return fmt::format("'{}' is empty", key);
  }
  if (const json::string* direction = FindString(row, "direction"); direction && !Contains(kDirections, std::string_view(*direction)))
    return fmt::format("names direction '{}'; it can be {}", std::string_view(*direction), Join(kDirections, ", "));
  if (!row.contains("clause")) return "needs 'clause': the id of the category it belongs to, or \"ordinary\"";
  if (row.contains("violates") == row.contains("allows"))
    return row.contains("violates") ? "says both 'violates' and 'allows'; keep the one that is right"
                                    : "needs 'violates' or 'allows' with the text";
  return "";
}

// The column in "name:line:column".
int ColumnOf(const std::string& where) {
  const size_t colon = where.rfind(':');
  return colon == std::string::npos ? 1 : std::max(1, std::atoi(where.c_str() + colon + 1));
}

}  // namespace

std::string_view ExampleRow::Text(std::string_view key) const {
  const json::string* text = FindString(row, key);
  return text ? std::string_view(*text) : std::string_view();
}

std::vector<ExampleRow> ParseExampleRows(std::string_view text, const std::string& name, Problems& problems) {
  const auto file = std::make_shared<const std::string>(name);
  std::vector<ExampleRow> rows;
  int line = 0;
  for (std::string_view each : plumb::Split(text, '\n')) {
    Place place{file, ++line, 1};
    if (Trim(each).empty()) continue;
    auto value = ParseJson(each, name);
    if (!value) {
      place.column = ColumnOf(value.error().where);
      AddProblem(problems, place, "{}", value.error().message);
      continue;
    }
    const std::string fault = value->is_object() ? Fault(value->as_object()) : "must be a JSON object";
    if (!fault.empty()) {
      AddProblem(problems, place, "an example {}", fault);
    } else {
      rows.push_back({std::move(place), std::move(value->as_object())});
    }
  }
  return rows;
}

}  // namespace plumb::policy
