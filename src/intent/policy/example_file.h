// Example files: one example a line, with the place it was written.
#pragma once

#include "intent/policy/node.h"

namespace plumb::policy {

struct ExampleRow {
  Place place;
  json::object row;  // {"clause", "violates" or "allows", "kind", "group", …}; unknown keys are kept

  std::string_view Text(std::string_view key) const;
  bool violates() const { return row.contains("violates"); }
  std::string_view text() const { return Text(violates() ? "violates" : "allows"); }
};

// Parses JSON Lines; every row that is no example is added to `problems` and left out.
std::vector<ExampleRow> ParseExampleRows(std::string_view text, const std::string& name, Problems& problems);

}  // namespace plumb::policy
